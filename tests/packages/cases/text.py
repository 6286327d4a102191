"""Text, markup, and formats of data that is exchanged."""

from . import case


@case("regex")
def regex():
    import regex

    assert regex.findall(r"\p{Lu}\p{Ll}+", "Åse og Øyvind") == ["Åse", "Øyvind"]
    assert regex.search(r"(?:color){e<=1}", "my colour").group() in ("colou", "colour")


@case("rapidfuzz")
def rapidfuzz():
    from rapidfuzz import fuzz, process

    assert process.extractOne("appel", ["pear", "apple"], scorer=fuzz.ratio)[0] == "apple"


@case("Levenshtein")
def levenshtein():
    import Levenshtein

    assert Levenshtein.distance("kitten", "sitting") == 3


@case("jellyfish")
def jellyfish():
    import jellyfish

    assert jellyfish.soundex("Robert") == jellyfish.soundex("Rupert") == "R163"


@case("lxml", quick=True)
def lxml():
    from lxml import etree

    style = etree.XML(
        '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">'
        '<xsl:template match="/"><n><xsl:value-of select="count(//i)"/></n></xsl:template></xsl:stylesheet>'
    )
    document = etree.fromstring("<list><i>1</i><i>2</i></list>")
    assert document.xpath("sum(//i)") == 3
    assert etree.XSLT(style)(document).getroot().text == "2"
    try:
        etree.fromstring("<list>")
    except etree.XMLSyntaxError:
        return
    raise AssertionError("no error")


@case("PyYAML")
def pyyaml():
    import yaml

    text = yaml.dump({"a": [1, 2.5, None]}, Dumper=yaml.CSafeDumper)
    assert yaml.load(text, yaml.CSafeLoader) == {"a": [1, 2.5, None]}


@case("ruamel.yaml")
def ruamel_yaml():
    import io

    from ruamel.yaml import YAML

    document, output = YAML().load("a: 1  # one\n"), io.StringIO()
    YAML().dump(document, output)
    assert output.getvalue() == "a: 1  # one\n"


@case("ujson")
def ujson():
    import ujson

    assert ujson.loads(ujson.dumps({"å": [1, True, None]})) == {"å": [1, True, None]}


@case("orjson", quick=True)
def orjson():
    import datetime

    import orjson

    assert orjson.loads(orjson.dumps({"day": datetime.date(2020, 1, 2), "n": 1.5})) == {"day": "2020-01-02", "n": 1.5}


@case("msgspec")
def msgspec():
    import msgspec

    class Point(msgspec.Struct):
        x: int

    assert msgspec.json.decode(msgspec.json.encode(Point(4)), type=Point).x == 4


@case("msgpack")
def msgpack():
    import msgpack

    assert msgpack.unpackb(msgpack.packb([1, {"b": b"\0"}])) == [1, {"b": b"\0"}]


@case("ijson")
def ijson():
    import ijson

    assert list(ijson.items(b'{"list": [{"n": 1}, {"n": 2}]}', "list.item.n")) == [1, 2]


@case("pydantic", quick=True)
def pydantic():
    import pydantic

    class Item(pydantic.BaseModel):
        price: float
        tags: "list[str]" = []

    assert Item.model_validate_json('{"price": "2.5"}').price == 2.5
    try:
        Item(price="cheap")
    except pydantic.ValidationError as error:
        assert error.error_count() == 1


@case("rpds-py")
def rpds():
    import rpds

    first = rpds.HashTrieMap({"a": 1})
    assert first.insert("b", 2).remove("a") == rpds.HashTrieMap({"b": 2}) and "b" not in first


@case("MarkupSafe")
def markupsafe():
    import markupsafe

    assert markupsafe.Markup("<b>%s</b>") % "<" == "<b>&lt;</b>"


@case("charset-normalizer")
def charset_normalizer():
    import charset_normalizer

    text = "Bсеки човек има право на образование. " * 5
    assert str(charset_normalizer.from_bytes(text.encode("cp1251")).best()) == text


@case("marisa-trie")
def marisa_trie():
    import marisa_trie

    assert marisa_trie.Trie(["key1", "key2", "other"]).keys("key") == ["key1", "key2"]


@case("tree-sitter", "tree-sitter-json")
def tree_sitter():
    import tree_sitter
    import tree_sitter_json

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_json.language()))
    root = parser.parse(b"[1, 2]").root_node
    assert root.type == "document" and not root.has_error


@case("tokenizers")
def tokenizers():
    import tokenizers

    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="?"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    trainer = tokenizers.trainers.WordPieceTrainer(special_tokens=["?"], show_progress=False)
    tokenizer.train_from_iterator(["some words", "more words"], trainer)
    assert tokenizer.encode("words").tokens == ["words"]


@case("tiktoken")
def tiktoken():
    import tiktoken

    ranks = {bytes([i]): i for i in range(256)}
    encoding = tiktoken.Encoding("bytes", pat_str=r"\w+|\W+", mergeable_ranks={**ranks, b"ab": 256}, special_tokens={})
    assert encoding.encode("abc") == [256, 99] and encoding.decode([256, 99]) == "abc"


@case("sentencepiece")
def sentencepiece():
    import io

    import sentencepiece

    model = io.BytesIO()
    lines = iter(["some words and more of the words %d" % i for i in range(100)])
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines, model_writer=model, vocab_size=40, minloglevel=2, hard_vocab_limit=False
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    assert processor.decode(processor.encode("more words")) == "more words"


@case("nltk")
def nltk():
    import nltk

    assert nltk.edit_distance("intention", "execution") == 5
    assert nltk.PorterStemmer().stem("running") == "run"


@case("spacy")
def spacy():
    import spacy

    assert [token.text for token in spacy.blank("en")("It isn't here.")] == ["It", "is", "n't", "here", "."]


@case("gensim")
def gensim():
    from gensim.models import Word2Vec

    model = Word2Vec([["a", "b", "c"], ["c", "b", "d"]] * 20, vector_size=8, min_count=1, workers=1, epochs=2)
    assert model.wv["b"].shape == (8,)
