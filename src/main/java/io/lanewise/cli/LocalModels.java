package io.lanewise.cli;

import io.lanewise.generate.HuggingFaceFolder;
import java.io.File;
import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.FileVisitor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Finds a model by name among those that this machine has: in {@code $LANEWISE_MODELS} and the folders of other tools. */
final class LocalModels {
    static final String VARIABLE = "LANEWISE_MODELS";
    private static final List<String> USUAL = List.of(".cache/lanewise", ".cache/huggingface/hub", ".cache/llama.cpp",
            ".lmstudio/models", ".cache/lm-studio/models", ".local/share/nomic.ai/GPT4All", "models");
    private static final int DEPTH = 8;
    private static final int MAX_FILES = 50_000;
    private static final int SHOWN = 12;

    private final List<Path> folders = new ArrayList<>();

    LocalModels(Map<String, String> environment, Path home) {
        for (String folder : environment.getOrDefault(VARIABLE, "").split(File.pathSeparator)) {
            if (!folder.isEmpty()) {
                folders.add(Path.of(folder));
            }
        }
        for (String folder : USUAL) {
            folders.add(home.resolve(folder));
        }
    }

    /**
     * What {@code --model} means: a file or folder, or the only local model with this in its name.
     *
     * @throws UserMistake if there is no such file and not exactly one such model, with those that there are
     */
    Path find(Path given) throws IOException {
        if (Files.exists(given)) {
            return given;
        }
        String name = given.toString().toLowerCase(Locale.ROOT);
        boolean path = given.isAbsolute() || given.startsWith(".") || given.startsWith("..");
        Set<Path> all = path ? Set.of() : all();
        List<Path> exact = all.stream().filter(model -> label(model).equals(name)).toList();
        List<Path> matches = exact.isEmpty()
                ? all.stream().filter(model -> model.toString().toLowerCase(Locale.ROOT).contains(name)).toList() : exact;
        if (matches.size() == 1) {
            return matches.getFirst();
        }
        if (matches.size() > 1) {
            throw new UserMistake("--model: '" + given + "' may be any of " + listed(matches) + "; give more of the name");
        }
        if (path) {
            throw new UserMistake(given + ": no such file");
        }
        throw new UserMistake(given + ": no such file, and no model of that name in $" + VARIABLE
                + " or the folders of other tools" + (all.isEmpty() ? ", which hold none; GGUF files of most models are at "
                + "huggingface.co" : "; there are " + listed(all)));
    }

    /** A model's own name: without folders and {@code .gguf}. */
    private static String label(Path model) {
        String name = model.getFileName().toString().toLowerCase(Locale.ROOT);
        return name.endsWith(".gguf") ? name.substring(0, name.length() - ".gguf".length()) : name;
    }

    private static String listed(Iterable<Path> models) {
        List<String> names = new ArrayList<>();
        for (Path model : models) {
            if (names.size() == SHOWN) {
                names.add("…");
                break;
            }
            names.add(model.toString());
        }
        return String.join(", ", names);
    }

    private Set<Path> all() throws IOException {
        Set<Path> models = new TreeSet<>();
        for (Path folder : folders) {
            if (Files.isDirectory(folder)) {
                Files.walkFileTree(folder, EnumSet.of(FileVisitOption.FOLLOW_LINKS), DEPTH, collector(models));
            }
        }
        return models;
    }

    private static FileVisitor<Path> collector(Set<Path> models) {
        int[] seen = {0};
        return new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
                if (HuggingFaceFolder.is(folder)) {
                    models.add(folder);
                    return FileVisitResult.SKIP_SUBTREE;
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                String name = file.getFileName().toString();
                boolean laterPart = name.matches(".*-\\d{5}-of-\\d{5}\\.gguf") && !name.contains("-00001-of-");
                if (name.endsWith(".gguf") && !laterPart && attributes.isRegularFile()) {
                    models.add(file);
                }
                return ++seen[0] < MAX_FILES ? FileVisitResult.CONTINUE : FileVisitResult.TERMINATE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException unreadable) {
                return FileVisitResult.CONTINUE;
            }
        };
    }
}
