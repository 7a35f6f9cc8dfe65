package io.lanewise.train;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/** Reads settings from a file: a flat JSON object, or Java properties where the name ends so. */
final class SettingsFile {
    private SettingsFile() {
    }

    /** @throws IllegalArgumentException naming the file and what is wrong in it */
    static Map<String, Object> read(Path file) {
        try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            boolean properties = file.toString().endsWith(".properties");
            Map<String, Object> values = new LinkedHashMap<>();
            (properties ? properties(reader) : json(reader)).forEach((name, value) -> values.put(name,
                    value instanceof List<?> ? value : Settings.parse(name, value.toString())));
            return values;
        } catch (IllegalArgumentException wrong) {
            throw new IllegalArgumentException(file + ": " + wrong.getMessage(), wrong);
        } catch (NoSuchFileException missing) {
            throw new IllegalArgumentException(file + ": no such file; expected a configuration", missing);
        } catch (JacksonException broken) {
            throw new IllegalArgumentException(file + ": is no JSON: " + broken.getOriginalMessage() + " in line "
                    + broken.getLocation().getLineNr(), broken);
        } catch (IOException failed) {
            throw new UncheckedIOException(file + ": cannot be read: " + failed.getMessage(), failed);
        }
    }

    private static Map<String, Object> properties(Reader reader) throws IOException {
        Properties properties = new Properties();
        properties.load(reader);
        Map<String, Object> values = new LinkedHashMap<>();
        properties.forEach((name, value) -> values.put(name.toString(), value));
        return values;
    }

    private static Map<String, Object> json(Reader reader) throws IOException {
        Map<String, Object> values = new LinkedHashMap<>();
        try (JsonParser json = new JsonFactory().createParser(reader)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw new IllegalArgumentException("expected a JSON object of settings");
            }
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.currentName();
                JsonToken token = json.nextToken();
                values.put(name, token == JsonToken.START_ARRAY ? list(name, json) : scalar(name, json));
            }
        }
        return values;
    }

    private static List<String> list(String name, JsonParser json) throws IOException {
        List<String> items = new ArrayList<>();
        while (json.nextToken() != JsonToken.END_ARRAY) {
            items.add(scalar(name, json));
        }
        if (!Settings.isList(name)) {
            throw new IllegalArgumentException(name + ": expected one value, got a list");
        }
        return items;
    }

    private static String scalar(String name, JsonParser json) throws IOException {
        if (json.currentToken() == null || !json.currentToken().isScalarValue()
                || json.currentToken() == JsonToken.VALUE_NULL) {
            throw new IllegalArgumentException(name + ": expected text, a number, true or false");
        }
        return json.getText();
    }
}
