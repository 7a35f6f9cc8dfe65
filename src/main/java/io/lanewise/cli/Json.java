package io.lanewise.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.lang.reflect.Array;
import java.lang.reflect.RecordComponent;
import java.util.LinkedHashMap;
import java.util.Map;

/** Plain objects as JSON on one line: maps, iterables, arrays, strings, numbers, booleans and null. */
final class Json {
    private static final JsonFactory FACTORY = new JsonFactory();

    private Json() {}

    static String of(Object value) {
        StringWriter text = new StringWriter();
        try (JsonGenerator generator = FACTORY.createGenerator(text)) {
            write(generator, value);
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return text.toString();
    }

    /** The components of a record by name, in order. */
    static Map<String, Object> fields(Record values) {
        Map<String, Object> fields = new LinkedHashMap<>();
        for (RecordComponent component : values.getClass().getRecordComponents()) {
            try {
                fields.put(component.getName(), component.getAccessor().invoke(values));
            } catch (ReflectiveOperationException impossible) {
                throw new IllegalStateException(impossible);
            }
        }
        return fields;
    }

    private static void write(JsonGenerator generator, Object value) throws IOException {
        switch (value) {
            case null -> generator.writeNull();
            case Map<?, ?> map -> {
                generator.writeStartObject();
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    generator.writeFieldName(entry.getKey().toString());
                    write(generator, entry.getValue());
                }
                generator.writeEndObject();
            }
            case Iterable<?> elements -> {
                generator.writeStartArray();
                for (Object element : elements) {
                    write(generator, element);
                }
                generator.writeEndArray();
            }
            case Boolean flag -> generator.writeBoolean(flag);
            case Float number -> number(generator, number, number.toString());
            case Double number -> number(generator, number, number.toString());
            case Number number -> generator.writeNumber(number.toString());
            default -> {
                if (value.getClass().isArray()) {
                    generator.writeStartArray();
                    for (int i = 0; i < Array.getLength(value); i++) {
                        write(generator, Array.get(value, i));
                    }
                    generator.writeEndArray();
                } else {
                    generator.writeString(value.toString());
                }
            }
        }
    }

    /** JSON has no word for infinity or for not a number. */
    private static void number(JsonGenerator generator, double value, String text) throws IOException {
        if (Double.isFinite(value)) {
            generator.writeNumber(text);
        } else {
            generator.writeNull();
        }
    }
}
