package io.lanewise.generate;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.io.JsonEOFException;
import io.lanewise.format.FormatException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A JSON file read token by token, with small parts of it as trees of maps, lists and plain values. */
final class JsonFile implements AutoCloseable {
    /** Files above this are no tokenizer or configuration. */
    private static final long MAX_BYTES = 1L << 28;
    private static final JsonFactory JSON = JsonFactory.builder()
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(64).build())
            .build();

    private final Path path;
    private final JsonParser parser;

    JsonFile(Path path) {
        this.path = path;
        try {
            long size = Files.size(path);
            if (size > MAX_BYTES) {
                throw new FormatException(path, "has " + size + " bytes, more than the " + MAX_BYTES
                        + " that a JSON file of a model may have");
            }
            parser = JSON.createParser(Files.readAllBytes(path));
        } catch (IOException failed) {
            throw new FormatException(path, "cannot be read: " + failed.getMessage(), failed);
        }
    }

    /** The whole file, which must be an object; an empty one where there is no file. */
    static Map<String, Object> objectIn(Path path) {
        if (!Files.exists(path)) {
            return Map.of();
        }
        try (JsonFile file = new JsonFile(path)) {
            file.enterObject("the file");
            return file.restOfObject();
        }
    }

    /** Takes the next token, which must begin an object. */
    void enterObject(String what) {
        if (next() != JsonToken.START_OBJECT) {
            throw problem(what + " is not a JSON object");
        }
    }

    /** The next field of the object that was entered, or null at its end. */
    String nextField() {
        return next() == JsonToken.FIELD_NAME ? text() : null;
    }

    JsonToken next() {
        try {
            JsonToken token = parser.nextToken();
            if (token == null) {
                throw problem("ends too early: it is cut off, get it again");
            }
            return token;
        } catch (IOException failed) {
            throw notJson(failed);
        }
    }

    String text() {
        try {
            return parser.getText();
        } catch (IOException failed) {
            throw notJson(failed);
        }
    }

    /** The present token as an int. */
    int integer(String what) {
        try {
            if (parser.currentToken() == JsonToken.VALUE_NUMBER_INT) {
                return parser.getIntValue();
            }
        } catch (IOException failed) {
            throw problem(what + ": the number is too large");
        }
        throw problem(what + ": expected a whole number, found '" + text() + "'");
    }

    /** The next value as a tree. */
    Object value() {
        return valueAt(next());
    }

    private Object valueAt(JsonToken token) {
        try {
            return switch (token) {
                case START_OBJECT -> restOfObject();
                case START_ARRAY -> restOfArray();
                case VALUE_STRING -> parser.getText();
                case VALUE_TRUE -> true;
                case VALUE_FALSE -> false;
                case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
                default -> null;
            };
        } catch (IOException failed) {
            throw notJson(failed);
        }
    }

    private Map<String, Object> restOfObject() {
        Map<String, Object> object = new LinkedHashMap<>();
        for (String field = nextField(); field != null; field = nextField()) {
            object.put(field, value());
        }
        return object;
    }

    private List<Object> restOfArray() {
        List<Object> array = new ArrayList<>();
        for (JsonToken token = next(); token != JsonToken.END_ARRAY; token = next()) {
            array.add(valueAt(token));
        }
        return array;
    }

    /** Passes over the next value. */
    void skipValue() {
        next();
        try {
            parser.skipChildren();
        } catch (IOException failed) {
            throw notJson(failed);
        }
    }

    FormatException problem(String problem) {
        return new FormatException(path, problem);
    }

    private FormatException notJson(IOException failed) {
        if (failed instanceof JsonEOFException) {
            return problem("ends too early: it is cut off, get it again");
        }
        String reason = failed instanceof JsonProcessingException json ? json.getOriginalMessage() : failed.getMessage();
        return new FormatException(path, "is not valid JSON near byte " + parser.currentLocation().getByteOffset() + ": "
                + String.valueOf(reason).lines().findFirst().orElse(""), failed);
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
