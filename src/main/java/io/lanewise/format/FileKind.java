package io.lanewise.format;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** What kind of model file lies under a path: by its first bytes, or by its name where those could be anything. */
enum FileKind {
    GGUF,
    SAFETENSORS,
    SAFETENSORS_INDEX;

    private static final String SINGLE = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";

    /** The file to open for a path, which may be a folder with a model in it. */
    static Path locate(Path path) {
        if (!Files.isDirectory(path)) {
            return path;
        }
        for (String name : new String[] {SINGLE, INDEX}) {
            if (Files.exists(path.resolve(name))) {
                return path.resolve(name);
            }
        }
        throw new FormatException(path, "a folder without " + SINGLE + " or " + INDEX + "; name the model file itself");
    }

    /** @throws FormatException if it is none of them, with a guess at what it is instead */
    static FileKind of(MappedFile file) {
        byte[] head = file.bytes(0, (int) Math.min(16, file.size()));
        String start = new String(head, StandardCharsets.ISO_8859_1);
        String name = String.valueOf(file.path().getFileName());
        if (start.startsWith("GGUF")) {
            return GGUF;
        }
        if (start.length() > 8 && start.charAt(8) == '{' && start.startsWith("\0\0\0\0", 4)) {
            return SAFETENSORS;
        }
        String guess = guess(start);
        if (guess != null) {
            throw new FormatException(file.path(), 0, guess);
        }
        if (name.endsWith(".safetensors")) {
            return SAFETENSORS;
        }
        if (start.startsWith("{") || name.endsWith(".json")) {
            return SAFETENSORS_INDEX;
        }
        throw new FormatException(file.path(), 0, "expected a GGUF or safetensors file; this is neither");
    }

    private static String guess(String start) {
        if (start.isEmpty()) {
            return "the file is empty; download it again";
        }
        if (start.startsWith("version ")) {
            return "a Git LFS pointer, not the model itself; run 'git lfs pull', or download the file";
        }
        if (start.startsWith("<")) {
            return "a web page, not a model; the download went wrong: download it again";
        }
        if (start.startsWith("PK\3\4") || start.startsWith("\u0080\2")) {
            return "a PyTorch file, which can run code when it is read; expected GGUF or safetensors: convert it";
        }
        if (start.startsWith("lmgg") || start.startsWith("fmgg") || start.startsWith("tjgg")
                || start.startsWith("algg")) {
            return "a GGML file of before August 2023; expected GGUF: convert the model again";
        }
        return null;
    }
}
