package io.lanewise.template;

/**
 * A piece of a template.
 *
 * @param text of {@link Kind#TEXT} and {@link Kind#STRING} the value, else as it is spelt
 */
record Token(Kind kind, String text, int line) {
    enum Kind {
        /** What stands outside of tags. */
        TEXT,
        /** <code>{{</code> */
        PRINT_BEGIN,
        /** <code>}}</code> */
        PRINT_END,
        /** <code>{%</code> */
        BLOCK_BEGIN,
        /** <code>%}</code> */
        BLOCK_END,
        NAME,
        INTEGER,
        FLOAT,
        STRING,
        OPERATOR,
        END
    }

    boolean is(Kind kind, String text) {
        return this.kind == kind && this.text.equals(text);
    }

    @Override
    public String toString() {
        return kind == Kind.END ? "the end" : "'" + text + "'";
    }
}
