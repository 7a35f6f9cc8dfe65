package io.lanewise.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Text and token ids as arguments, files and stdin give them. */
final class Texts {
    private Texts() {}

    /** The text of a UTF-8 file, or of stdin where {@code file} is null or {@code -}. */
    static String read(Console console, Path file) throws IOException {
        byte[] bytes = file == null || file.toString().equals("-") ? console.in().readAllBytes()
                : Files.readAllBytes(file);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** A text without the newline that editors and {@code echo} put behind it. */
    static String withoutLastNewline(String text) {
        if (text.endsWith("\r\n")) {
            return text.substring(0, text.length() - 2);
        }
        return text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
    }

    /** Ids separated by commas or blanks, each in [0, vocabSize). */
    static int[] ids(String option, String list, int vocabSize) {
        String trimmed = list.strip();
        if (trimmed.isEmpty()) {
            throw new UserMistake(option + ": expected token ids as 1,2,3; got none");
        }
        String[] parts = trimmed.split("[,\\s]+");
        int[] ids = new int[parts.length];
        for (int i = 0; i < parts.length; i++) {
            ids[i] = id(option, parts[i], vocabSize);
        }
        return ids;
    }

    private static int id(String option, String part, int vocabSize) {
        try {
            int id = Integer.parseInt(part);
            if (id >= 0 && id < vocabSize) {
                return id;
            }
        } catch (NumberFormatException notANumber) {
            // Reported below, like a number outside the vocabulary.
        }
        throw new UserMistake(option + ": expected token ids from 0 to " + (vocabSize - 1) + ", got '" + part + "'");
    }
}
