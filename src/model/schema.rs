//! The JSON Schema of a document, generated from the types that it is written from.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The schema of what is written, in the 2020-12 draft. Whatever reads a document must expect
/// fields besides: a later version of the same major version may add some.
pub fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<T>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::report::Report;

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
