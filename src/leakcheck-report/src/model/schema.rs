//! The JSON Schemas of the documents, in the 2020-12 draft.
//!
//! They lie beside this file, as a test generates them from the types that the documents are written from: the
//! program is built without the generator.

use clap::ValueEnum;

/// A document that has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Document {
    /// leakcheck.report/v1, of `leakcheck run`
    Report,
    /// leakcheck.audit/v1, of `leakcheck audit`
    Audit,
    /// leakcheck.predict/v1, of `leakcheck predict`
    Predict,
    /// leakcheck.dump/v1, of `leakcheck dump` with one dump
    Dump,
    /// leakcheck.dump/v1, of `leakcheck dump` with two
    DumpDiff,
}

impl Document {
    /// The schema of what is written, as JSON. Whatever reads a document must expect fields besides: a later
    /// version of the same major version may add some.
    pub fn schema(self) -> &'static str {
        match self {
            Self::Report => include_str!("schemas/report.json"),
            Self::Audit => include_str!("schemas/audit.json"),
            Self::Predict => include_str!("schemas/predict.json"),
            Self::Dump => include_str!("schemas/dump.json"),
            Self::DumpDiff => include_str!("schemas/dump-diff.json"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{audit::Audit, predict::Prediction, report::Report};
    use goroutine_dump::{Diff, Dump};
    use schemars::{JsonSchema, generate::SchemaSettings};
    use serde_json::Value;

    fn of<T: JsonSchema>() -> Value {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        settings.into_generator().into_root_schema_for::<T>().into()
    }

    fn generated(document: Document) -> Value {
        match document {
            Document::Report => of::<Report>(),
            Document::Audit => of::<Audit>(),
            Document::Predict => of::<Prediction>(),
            Document::Dump => of::<Dump>(),
            Document::DumpDiff => of::<Diff>(),
        }
    }

    #[test]
    fn the_schemas_are_those_of_the_types() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/model/schemas");
        for document in Document::value_variants() {
            let name = document.to_possible_value().expect("no variant is skipped");
            let path = format!("{directory}/{}.json", name.get_name());
            let text = serde_json::to_string_pretty(&generated(*document)).expect("JSON") + "\n";
            if std::env::var_os("UPDATE_SCHEMAS").is_some() {
                std::fs::write(&path, text).expect("can be written");
            } else {
                let same = document.schema() == text;
                assert!(same, "{path} is old: UPDATE_SCHEMAS=1 cargo test schemas");
            }
        }
    }

    #[test]
    fn what_may_be_unknown_may_be_null_and_must_be_there() {
        let schema = of::<Report>();
        let config = &schema["$defs"]["Config"];
        let scenario = &config["properties"]["scenario"]["type"];
        assert_eq!(*scenario, serde_json::json!(["string", "null"]));
        let required = config["required"].as_array().expect("a list");
        assert!(required.contains(&"scenario".into()), "{required:?}");
    }

    #[test]
    fn each_field_says_what_it_is() {
        let schema = of::<Report>();
        for (name, definition) in schema["$defs"].as_object().expect("definitions") {
            let properties = definition["properties"].as_object().into_iter().flatten();
            for (field, property) in properties {
                assert!(property["description"].is_string(), "{name}.{field}");
            }
        }
    }
}
