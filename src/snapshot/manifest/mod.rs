//! Objects from files: a folder of YAML or JSON manifests.
