"""A package, so that its folders (docker, kubernetes) do not hide the packages of these names."""
