package io.lanewise.format;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;

/** Reads JSON token by token out of part of a file; every fault becomes a {@link FormatException} with its place. */
final class JsonReader implements AutoCloseable {
    private static final JsonFactory JSON = JsonFactory.builder()
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .disable(JsonFactory.Feature.CHARSET_DETECTION)
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(16).maxNameLength(1 << 16)
                    .maxStringLength(SafetensorsReader.MAX_HEADER_BYTES).build())
            .build();

    private final Path file;
    private final long start;
    private final String what;
    private final JsonParser parser;

    /** @param start the place of {@code json} in the file; {@code what} says what it is in messages */
    JsonReader(Path file, long start, byte[] json, String what) {
        this.file = file;
        this.start = start;
        this.what = what;
        try {
            this.parser = JSON.createParser(json);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /** The next token; null at the end. */
    JsonToken next() {
        try {
            return parser.nextToken();
        } catch (IOException failed) {
            throw notJson(failed);
        }
    }

    /** Takes the next token, which must be {@code token}. */
    void expect(JsonToken token, String expected) {
        if (next() != token) {
            throw unexpected(expected);
        }
    }

    /** The next field's name in the object that was entered, or null at its end. */
    String nextField() {
        JsonToken token = next();
        if (token == JsonToken.END_OBJECT) {
            return null;
        }
        if (token != JsonToken.FIELD_NAME) {
            throw unexpected("a field or '}'");
        }
        return text();
    }

    /** The text of the present token. */
    String text() {
        try {
            return parser.getText();
        } catch (IOException failed) {
            throw notJson(failed);
        }
    }

    /** The next token's string. */
    String nextString(String expected) {
        expect(JsonToken.VALUE_STRING, expected);
        return text();
    }

    /** The present token's value, which must be an integer from 0 to 2^63 - 1. */
    long natural(String expected) {
        try {
            if (parser.currentToken() == JsonToken.VALUE_NUMBER_INT) {
                long value = parser.getLongValue();
                if (value >= 0) {
                    return value;
                }
            }
        } catch (JsonProcessingException tooLarge) {
            throw unexpected(expected);
        } catch (IOException failed) {
            throw notJson(failed);
        }
        throw unexpected(expected);
    }

    /** Passes over the value of the field that was just named, whatever it is. */
    void skipValue() {
        next();
        skipChildren();
    }

    /** Passes over the rest of the object or array that the present token begins, if it does. */
    void skipChildren() {
        try {
            parser.skipChildren();
        } catch (IOException failed) {
            throw notJson(failed);
        }
    }

    /** Where the present token begins in the file. */
    long position() {
        return start + Math.max(0, parser.currentTokenLocation().getByteOffset());
    }

    /** The problem that the present token is not what it should be. */
    FormatException unexpected(String expected) {
        JsonToken token = parser.currentToken();
        String found = token == null ? "its end" : FormatException.quote(text());
        return problem(what + ": expected " + expected + ", found " + found
                + "; the file is damaged: download it again");
    }

    /** A problem at the present token. */
    FormatException problem(String problem) {
        return new FormatException(file, position(), problem);
    }

    private FormatException notJson(IOException failed) {
        long at = start + Math.max(0, parser.currentLocation().getByteOffset());
        String reason = failed instanceof JsonProcessingException json ? json.getOriginalMessage()
                : failed.getMessage();
        return new FormatException(file, at, what + " is not valid JSON (" + firstLine(reason)
                + "); the file is damaged: download it again");
    }

    private static String firstLine(String message) {
        String text = String.valueOf(message).lines().findFirst().orElse("");
        return text.length() <= 200 ? text : text.substring(0, 200) + "…";
    }

    @Override
    public void close() {
        try {
            parser.close();
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }
}
