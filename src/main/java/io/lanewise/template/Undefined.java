package io.lanewise.template;

/** What a name or an entry that does not exist stands for: false, empty, and an error for most other uses. */
record Undefined(String name) {
    @Override
    public String toString() {
        return "";
    }
}
