package io.lanewise.tokenizer;

/** What a vocabulary says of a token; the numbers are those of {@code tokenizer.ggml.token_type}. */
public enum TokenType {
    /** Ordinary text. */
    NORMAL(1),
    /** Stands for what the vocabulary cannot spell. */
    UNKNOWN(2),
    /** Steers the model and is no text: begin, end, roles. Recognised in a text only when the caller asks for it. */
    CONTROL(3),
    /** A text that is always one token, wherever it stands. */
    USER_DEFINED(4),
    /** Reserved, never produced by training. */
    UNUSED(5),
    /** One byte of UTF-8, spelt {@code <0xXX>}. */
    BYTE(6);

    private static final TokenType[] BY_CODE = {null, NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE};

    private final int code;

    TokenType(int code) {
        this.code = code;
    }

    /** The number that stands for this type in a GGUF file. */
    public int code() {
        return code;
    }

    /** The type with this number, or null. */
    static TokenType of(int code) {
        return code > 0 && code < BY_CODE.length ? BY_CODE[code] : null;
    }
}
