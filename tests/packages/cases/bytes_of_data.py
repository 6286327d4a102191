"""Compression, checksums and cryptography."""

from . import case

DATA = b"some data that repeats itself, " * 200


@case("cryptography", quick=True)
def cryptography():
    from cryptography import x509
    from cryptography.fernet import Fernet
    from cryptography.hazmat.primitives.asymmetric import ed25519

    fernet = Fernet(Fernet.generate_key())
    assert fernet.decrypt(fernet.encrypt(DATA)) == DATA
    key = ed25519.Ed25519PrivateKey.generate()
    key.public_key().verify(key.sign(DATA), DATA)
    assert x509.oid.NameOID.COMMON_NAME.dotted_string == "2.5.4.3"


@case("pycryptodome")
def pycryptodome():
    from Crypto.Cipher import AES
    from Crypto.Random import get_random_bytes

    key = get_random_bytes(16)
    cipher = AES.new(key, AES.MODE_GCM)
    text, tag = cipher.encrypt_and_digest(DATA)
    assert AES.new(key, AES.MODE_GCM, nonce=cipher.nonce).decrypt_and_verify(text, tag) == DATA


@case("PyNaCl")
def pynacl():
    import nacl.secret
    import nacl.utils

    box = nacl.secret.SecretBox(nacl.utils.random(nacl.secret.SecretBox.KEY_SIZE))
    assert box.decrypt(box.encrypt(DATA)) == DATA


@case("bcrypt")
def bcrypt():
    import bcrypt

    hashed = bcrypt.hashpw(b"password", bcrypt.gensalt(4))
    assert bcrypt.checkpw(b"password", hashed) and not bcrypt.checkpw(b"other", hashed)


@case("argon2-cffi")
def argon2_cffi():
    import argon2

    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=64)
    assert hasher.verify(hasher.hash("password"), "password")


@case("zstandard")
def zstandard():
    import zstandard

    packed = zstandard.ZstdCompressor(level=5).compress(DATA)
    assert zstandard.ZstdDecompressor().decompress(packed) == DATA and len(packed) < 100


@case("pyzstd")
def pyzstd():
    import pyzstd

    assert pyzstd.decompress(pyzstd.compress(DATA)) == DATA


@case("lz4")
def lz4():
    import lz4.block
    import lz4.frame

    assert lz4.frame.decompress(lz4.frame.compress(DATA)) == DATA
    assert lz4.block.decompress(lz4.block.compress(DATA)) == DATA


@case("Brotli")
def brotli():
    import brotli

    assert brotli.decompress(brotli.compress(DATA)) == DATA


@case("cramjam")
def cramjam():
    import cramjam

    assert bytes(cramjam.gzip.decompress(cramjam.gzip.compress(DATA))) == DATA


@case("python-snappy")
def python_snappy():
    import snappy

    assert snappy.decompress(snappy.compress(DATA)) == DATA


@case("xxhash")
def xxhash():
    import xxhash

    assert xxhash.xxh64(b"").hexdigest() == "ef46db3751d8e999"


@case("mmh3")
def mmh3():
    import mmh3

    assert mmh3.hash("foo") == -156908512


@case("google-crc32c")
def google_crc32c():
    import google_crc32c

    assert google_crc32c.value(b"123456789") == 0xE3069283 and google_crc32c.implementation == "c"


@case("pybase64")
def pybase64():
    import pybase64

    assert pybase64.b64decode(pybase64.b64encode(DATA)) == DATA
