package io.lanewise.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.lanewise.generate.ChatMessage;
import io.lanewise.generate.ChatMessage.Role;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/** A conversation as a file: a JSON list of objects with {@code role} and {@code content}, as many tools have it. */
final class Conversation {
    private static final long MAX_BYTES = 1L << 26;
    private static final JsonFactory JSON = new JsonFactory();

    private Conversation() {}

    /** Writes beside the file and renames, so that a conversation is never half saved. */
    static void save(Path file, List<ChatMessage> messages) throws IOException {
        Path target = file.toAbsolutePath();
        Path beside = Files.createTempFile(target.getParent(), ".chat", ".json");
        try {
            try (JsonGenerator json = JSON.createGenerator(Files.newBufferedWriter(beside))) {
                json.useDefaultPrettyPrinter();
                json.writeStartArray();
                for (ChatMessage message : messages) {
                    json.writeStartObject();
                    json.writeStringField("role", message.role().name().toLowerCase());
                    json.writeStringField("content", message.content());
                    json.writeEndObject();
                }
                json.writeEndArray();
            }
            Files.move(beside, target, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(beside);
        }
    }

    /** @throws UserMistake if the file is not a conversation */
    static List<ChatMessage> load(Path file) throws IOException {
        if (Files.size(file) > MAX_BYTES) {
            throw new UserMistake(file + ": has more than " + MAX_BYTES + " bytes, which is no conversation");
        }
        List<ChatMessage> messages = new ArrayList<>();
        try (JsonParser json = JSON.createParser(Files.readAllBytes(file))) {
            expect(file, json, json.nextToken(), JsonToken.START_ARRAY);
            while (json.nextToken() != JsonToken.END_ARRAY) {
                expect(file, json, json.currentToken(), JsonToken.START_OBJECT);
                messages.add(message(file, json));
            }
        } catch (JsonProcessingException broken) {
            throw new UserMistake(file + ": not JSON: " + broken.getOriginalMessage());
        }
        return messages;
    }

    private static ChatMessage message(Path file, JsonParser json) throws IOException {
        Role role = null;
        String content = null;
        while (json.nextToken() != JsonToken.END_OBJECT) {
            String field = json.currentName();
            expect(file, json, json.nextToken(), JsonToken.VALUE_STRING);
            if (field.equals("role")) {
                role = role(file, json.getText());
            } else if (field.equals("content")) {
                content = json.getText();
            }
        }
        if (role == null || content == null) {
            throw new UserMistake(file + ": a message needs role and content, as {\"role\": \"user\", \"content\": \"Hello\"}");
        }
        return new ChatMessage(role, content);
    }

    private static Role role(Path file, String name) {
        for (Role role : Role.values()) {
            if (role.name().equalsIgnoreCase(name)) {
                return role;
            }
        }
        throw new UserMistake(file + ": role '" + name + "': expected system, user or assistant");
    }

    private static void expect(Path file, JsonParser json, JsonToken actual, JsonToken expected) {
        if (actual != expected) {
            throw new UserMistake(file + ": line " + json.currentTokenLocation().getLineNr()
                    + ": expected a list of objects with role and content");
        }
    }
}
