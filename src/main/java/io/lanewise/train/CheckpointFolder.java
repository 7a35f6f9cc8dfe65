package io.lanewise.train;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * A folder of files that is replaced as a whole: whoever is killed at any moment leaves the old folder or the new one,
 * whole. A folder cannot be renamed over another, so replacing goes by three names beside the place:
 *
 * <ol>
 * <li>write everything to {@code name.part} and to the disk;</li>
 * <li>rename {@code name.part} to {@code name.new}, from when on the new one counts;</li>
 * <li>rename {@code name} to {@code name.old};</li>
 * <li>rename {@code name.new} to {@code name};</li>
 * <li>delete {@code name.old}.</li>
 * </ol>
 *
 * So {@code name.new} is whole wherever it is seen, and newer than {@code name}; one of the two is always there once
 * something was saved. {@link #find} first ends what a kill interrupted. One process at a time may write.
 */
final class CheckpointFolder {
    private CheckpointFolder() {
    }

    /** Replaces the folder by one that {@code content} fills. */
    static void replace(Path folder, Consumer<Path> content) {
        try {
            Files.createDirectories(folder.toAbsolutePath().getParent());
            finish(folder);
            Path part = beside(folder, ".part");
            delete(part);
            Files.createDirectory(part);
            content.accept(part);
            forceAll(part);
            Files.move(part, beside(folder, ".new"), StandardCopyOption.ATOMIC_MOVE);
            force(folder.toAbsolutePath().getParent());
            finish(folder);
        } catch (IOException failed) {
            throw new UncheckedIOException(folder + ": cannot be saved: " + failed.getMessage(), failed);
        }
    }

    /** The folder of the newest whole content, or empty where nothing was saved yet. */
    static Optional<Path> find(Path folder) {
        try {
            finish(folder);
        } catch (IOException readOnly) {
            Path fresh = beside(folder, ".new");
            if (Files.isDirectory(fresh)) {
                return Optional.of(fresh);
            }
        }
        return Files.isDirectory(folder) ? Optional.of(folder) : Optional.empty();
    }

    /** Does what is left to do of a replacement from step 3 on. */
    private static void finish(Path folder) throws IOException {
        Path fresh = beside(folder, ".new");
        Path old = beside(folder, ".old");
        if (Files.isDirectory(fresh)) {
            if (Files.exists(folder)) {
                delete(old);
                Files.move(folder, old, StandardCopyOption.ATOMIC_MOVE);
            }
            Files.move(fresh, folder, StandardCopyOption.ATOMIC_MOVE);
            force(folder.toAbsolutePath().getParent());
        }
        delete(old);
    }

    private static Path beside(Path folder, String suffix) {
        return folder.resolveSibling(folder.getFileName() + suffix);
    }

    /** Writes a text file; {@link #replace} puts it on the disk. */
    static void write(Path file, String text) {
        try {
            Files.writeString(file, text, StandardCharsets.UTF_8);
        } catch (IOException failed) {
            throw new UncheckedIOException(file + ": cannot be written: " + failed.getMessage(), failed);
        }
    }

    private static void forceAll(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                    channel.force(true);
                }
            }
        }
        force(folder);
    }

    /** Makes names outlive a power failure too, on systems where a folder can be opened. */
    private static void force(Path folder) {
        try (FileChannel names = FileChannel.open(folder, StandardOpenOption.READ)) {
            names.force(true);
        } catch (IOException unsupported) {
            return;
        }
    }

    static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
