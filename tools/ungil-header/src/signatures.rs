//! Generates `python/ungil/_native/signatures.py`, the declarations of the exports for ctypes, with syn.

use std::collections::{BTreeSet, HashMap};

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{
    Attribute, Expr, ExprLit, ExprUnary, FnArg, GenericArgument, Item, ItemConst, ItemFn, ItemStruct,
    ItemType,
};
use syn::{
    Lit, Meta, Pat, PathArguments, PathSegment, ReturnType, Type, TypeBareFn, TypePtr, UnOp, Visibility,
};

const TEMPLATE: &str = include_str!("signatures.py.in");
const WIDTH: usize = 110;

/// The names of scalar types in Rust and in ctypes.
const SCALARS: [(&str, &str); 7] = [
    ("i32", "c_int32"),
    ("i64", "c_int64"),
    ("u8", "c_uint8"),
    ("u64", "c_uint64"),
    ("usize", "c_size_t"),
    ("f64", "c_double"),
    ("c_char", "c_char"),
];

pub fn generate(sources: &[impl AsRef<str>]) -> String {
    let parse = |source| syn::parse_file(source).expect("the source is Rust").items;
    let items: Vec<Item> = sources.iter().map(AsRef::as_ref).flat_map(parse).collect();
    let types = Types::new(&items);
    let constants: Vec<String> = items.iter().filter_map(constant).collect();
    let callbacks: String = items.iter().filter_map(|item| types.alias(item)).collect();
    let structures: String = items.iter().filter_map(|item| types.structure(item)).collect();
    let functions: String = items.iter().filter_map(|item| types.export(item)).collect();
    TEMPLATE
        .replace("@IMPORTS@", &imports(&[&callbacks, &structures, &functions]))
        .replace("@CONSTANTS@", &constants.join("\n"))
        .replace("@CALLBACKS@", &if callbacks.is_empty() { callbacks } else { callbacks + "\n" })
        .replace("@STRUCTURES@", &if structures.is_empty() { structures } else { structures + "\n" })
        .replace("@FUNCTIONS@", &functions)
}

/// Imports of the names of ctypes that the code or the template uses, with the scalar types on a line of their own.
fn imports(code: &[&str]) -> String {
    let scalars = SCALARS.iter().map(|(_, name)| *name);
    let known: Vec<&str> = scalars.chain(["CFUNCTYPE", "POINTER", "Structure", "c_char_p"]).collect();
    let words = code.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric() && c != '_'));
    let used: BTreeSet<&str> =
        words.filter(|word| known.contains(word)).chain(["_CFuncPtr", "c_void_p"]).collect();
    let (types, others): (Vec<&str>, Vec<&str>) = used.into_iter().partition(|name| name.starts_with("c_"));
    format!("from ctypes import {}\nfrom ctypes import {}", others.join(", "), types.join(", "))
}

fn constant(item: &Item) -> Option<String> {
    let Item::Const(ItemConst { vis: Visibility::Public(_), ident, expr, .. }) = item else { return None };
    let value = literal(expr).unwrap_or_else(|| panic!("{ident}: {} is not a number", text(expr)));
    Some(format!("{ident} = {value}"))
}

fn literal(value: &Expr) -> Option<String> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => Some(number.base10_digits().to_owned()),
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => Some(number.base10_digits().to_owned()),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => Some(format!("-{}", literal(expr)?)),
        _ => None,
    }
}

/// Converts types to Python expressions; `None` means that ctypes or this file lacks the type.
struct Types<'a> {
    aliases: HashMap<String, &'a Type>,
    structures: BTreeSet<String>,
}

impl<'a> Types<'a> {
    fn new(items: &'a [Item]) -> Self {
        let alias = |item: &'a Item| match item {
            Item::Type(ItemType { ident, ty, .. }) => Some((ident.to_string(), &**ty)),
            _ => None,
        };
        let structure = |item: &Item| structure(item).map(|it| it.ident.to_string());
        Self {
            aliases: items.iter().filter_map(alias).collect(),
            structures: items.iter().filter_map(structure).collect(),
        }
    }

    /// The class of a structure in the C interface.
    fn structure(&self, item: &Item) -> Option<String> {
        let ItemStruct { ident, fields, .. } = structure(item)?;
        let field = |field: &syn::Field| {
            let name = field.ident.as_ref().expect("a field has a name");
            let kind = self.ctype(&field.ty);
            let kind =
                kind.unwrap_or_else(|| panic!("{ident}: no ctypes type is known for {}", text(&field.ty)));
            format!("        (\"{name}\", {kind}),\n")
        };
        let fields: String = fields.iter().map(field).collect();
        Some(format!("\nclass {ident}(Structure):\n    _fields_ = [\n{fields}    ]\n\n"))
    }

    /// The CFUNCTYPE of a function pointer type, under its name. Other aliases are resolved where they are used.
    fn alias(&self, item: &Item) -> Option<String> {
        let Item::Type(ItemType { ident, ty, .. }) = item else { return None };
        self.prototype(ty).map(|prototype| format!("{ident} = {prototype}\n"))
    }

    /// The entry of an exported function, indented.
    fn export(&self, item: &Item) -> Option<String> {
        let Item::Fn(function @ ItemFn { vis: Visibility::Public(_), .. }) = item else { return None };
        if !function.attrs.iter().any(is_no_mangle) {
            return None;
        }
        let signature = &function.sig;
        let name = &signature.ident;
        let known = |kind: Option<String>, ty: &dyn ToTokens| {
            kind.unwrap_or_else(|| panic!("{name}: no ctypes type is known for {}", text(ty)))
        };
        let parameter = |argument: &FnArg| match argument {
            FnArg::Typed(it) => {
                format!("(\"{}\", {})", variable(&it.pat), known(self.parameter(&it.ty), &it.ty))
            }
            FnArg::Receiver(_) => panic!("{name}: an export has no self"),
        };
        let parameters: Vec<String> = signature.inputs.iter().map(parameter).collect();
        Some(entry(&name.to_string(), &known(self.result(&signature.output), &signature.output), &parameters))
    }

    fn parameter(&self, ty: &Type) -> Option<String> {
        self.prototype(ty).map(|prototype| format!("FunctionPointer({prototype})")).or_else(|| self.ctype(ty))
    }

    fn result(&self, output: &ReturnType) -> Option<String> {
        match output {
            ReturnType::Default => Some("None".to_owned()),
            ReturnType::Type(_, ty) => self.ctype(ty),
        }
    }

    /// The type in ctypes, for parameters and results of callbacks, and for the targets of pointers.
    fn ctype(&self, ty: &Type) -> Option<String> {
        match ty {
            Type::Ptr(pointer) => self.pointer(pointer),
            Type::Path(path) => self.named(path.path.segments.last()?),
            Type::BareFn(_) => self.prototype(ty),
            _ => None,
        }
    }

    fn pointer(&self, pointer: &TypePtr) -> Option<String> {
        let target = if let Type::Path(path) = &*pointer.elem { path.path.segments.last() } else { None };
        let points_to = |name| target.is_some_and(|segment| segment.ident == name);
        if points_to("c_void") {
            return Some("c_void_p".to_owned());
        }
        if points_to("c_char") && pointer.mutability.is_none() {
            return Some("c_char_p".to_owned()); // a string; a mutable pointer is a buffer
        }
        Some(format!("POINTER({})", self.ctype(&pointer.elem)?))
    }

    fn named(&self, name: &PathSegment) -> Option<String> {
        let scalar =
            SCALARS.iter().find(|(rust, _)| name.ident == rust).map(|(_, ctype)| (*ctype).to_owned());
        let alias = || self.aliases.get(&name.ident.to_string()).and_then(|target| self.ctype(target));
        let structure = || self.structures.get(&name.ident.to_string()).cloned();
        scalar.or_else(|| self.prototype_named(name)).or_else(structure).or_else(alias)
    }

    /// The CFUNCTYPE of a function pointer, by name if it has one; `None` for any other type.
    fn prototype(&self, ty: &Type) -> Option<String> {
        match ty {
            Type::BareFn(function) => self.bare_function(function),
            Type::Path(path) => self.prototype_named(path.path.segments.last()?),
            _ => None,
        }
    }

    fn prototype_named(&self, name: &PathSegment) -> Option<String> {
        if name.ident == "Option" {
            return self.prototype(only_argument(name)?);
        }
        let target = self.aliases.get(&name.ident.to_string())?;
        self.prototype(target).map(|_| name.ident.to_string())
    }

    fn bare_function(&self, function: &TypeBareFn) -> Option<String> {
        let abi = function.abi.as_ref()?.name.as_ref().map_or_else(|| "C".to_owned(), |name| name.value());
        if !matches!(abi.as_str(), "C" | "C-unwind") || function.variadic.is_some() {
            return None;
        }
        let mut types = vec![self.result(&function.output)?];
        for argument in &function.inputs {
            types.push(self.ctype(&argument.ty)?);
        }
        Some(format!("CFUNCTYPE({})", types.join(", ")))
    }
}

/// The item, if it is a public structure with C's layout.
fn structure(item: &Item) -> Option<&ItemStruct> {
    let Item::Struct(structure @ ItemStruct { vis: Visibility::Public(_), .. }) = item else { return None };
    let is_c = |attribute: &Attribute| matches!(&attribute.meta, Meta::List(list) if list.path.is_ident("repr") && text(&list.tokens) == "C");
    structure.attrs.iter().any(is_c).then_some(structure)
}

/// `#[unsafe(no_mangle)]`
fn is_no_mangle(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    list.path.is_ident("unsafe") && text(&list.tokens) == "no_mangle"
}

/// The parameter's name, without `mut`.
fn variable(pattern: &Pat) -> String {
    if let Pat::Ident(variable) = pattern { variable.ident.unraw().to_string() } else { text(pattern) }
}

fn only_argument(segment: &PathSegment) -> Option<&Type> {
    match &segment.arguments {
        PathArguments::AngleBracketed(list) => match list.args.first()? {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        },
        _ => None,
    }
}

fn entry(name: &str, result: &str, parameters: &[String]) -> String {
    let line = format!("    \"{name}\": ({result}, [{}]),", parameters.join(", "));
    if line.len() <= WIDTH {
        return line + "\n";
    }
    let parameters: String = parameters.iter().map(|parameter| format!("        {parameter},\n")).collect();
    format!("    \"{name}\": ({result}, [\n{parameters}    ]),\n")
}

/// The tokens as Rust source, with spaces between them, for messages and comparisons.
fn text(tokens: &(impl ToTokens + ?Sized)) -> String {
    tokens.to_token_stream().to_string()
}

#[test]
fn every_kind_of_type_has_a_counterpart() {
    let source = r#"
        pub const UNGIL_LIMIT: i64 = -0x10;
        const PRIVATE: &str = "";
        type Count = u64;
        pub type UngilMap = Option<unsafe extern "C" fn(f64) -> f64>;
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn a(f: UngilMap, size: usize, mut out: *mut Count, any: *const c_void) {}
        #[unsafe(no_mangle)]
        pub extern "C" fn b(f: Option<extern "C" fn(*const f64)>, g: extern "C" fn() -> i32) {}
        #[unsafe(no_mangle)]
        pub extern "C" fn c(names: *mut *const c_char, any: *mut *mut c_void) -> *const c_char {}
        #[unsafe(no_mangle)]
        pub extern "C" fn d(buffer: *mut c_char) {}
        struct Inner { x: u128 }
        #[repr(C)]
        pub struct UngilPair { pub map: UngilMap, pub next: *mut c_void }
        #[unsafe(no_mangle)]
        pub extern "C" fn e(pair: *const UngilPair) {}
        pub extern "C" fn not_exported(x: u128) {}
    "#;
    let generated = generate(&[source]);
    for part in [
        "from ctypes import CFUNCTYPE, POINTER, Structure, _CFuncPtr\n",
        "from ctypes import c_char, c_char_p, c_double, c_int32, c_size_t, c_uint64, c_void_p\n",
        "\nUNGIL_LIMIT = -16\n",
        "\nUngilMap = CFUNCTYPE(c_double, c_double)\n",
        "\n    \"a\": (None, [\n        (\"f\", FunctionPointer(UngilMap)),\n        (\"size\", c_size_t),\n",
        "        (\"out\", POINTER(c_uint64)),\n        (\"any\", c_void_p),\n    ]),\n",
        "(\"f\", FunctionPointer(CFUNCTYPE(None, POINTER(c_double)))),\n",
        "(\"g\", FunctionPointer(CFUNCTYPE(c_int32))),\n",
        "\n    \"c\": (c_char_p, [(\"names\", POINTER(c_char_p)), (\"any\", POINTER(c_void_p))]),\n",
        "\n\n\nclass UngilPair(Structure):\n    _fields_ = [\n        (\"map\", UngilMap),\n",
        "\n    \"e\": (None, [(\"pair\", POINTER(UngilPair))]),\n",
        "\n    \"d\": (None, [(\"buffer\", POINTER(c_char))]),\n",
    ] {
        assert!(generated.contains(part), "{part}\nis not in\n{generated}");
    }
    assert!(!generated.contains("not_exported") && !generated.contains("PRIVATE"));
}

#[test]
#[should_panic(expected = "f: no ctypes type is known for u128")]
fn an_unknown_type_is_an_error() {
    generate(&["#[unsafe(no_mangle)] pub extern \"C\" fn f(x: u128) {}"]);
}

#[test]
#[should_panic(expected = "f: no ctypes type is known for -> Option < i32 >")]
fn an_unknown_result_is_an_error() {
    generate(&["#[unsafe(no_mangle)] pub extern \"C\" fn f() -> Option<i32> {}"]);
}
