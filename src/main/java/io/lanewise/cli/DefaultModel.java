package io.lanewise.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.Optional;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.zip.CRC32;

/**
 * The model that commands take without {@code --model}: {@code weights/NAME} of the project that the program was built
 * in, else the copy that was packed into {@code engine.jar}, which is unpacked into the user's cache folder once.
 */
final class DefaultModel {
    /** Also in {@code pom.xml}, which packs it. */
    static final String NAME = "lanewise-small.gguf";
    /** Where {@code engine.jar} has it. */
    static final String RESOURCE = "weights/" + NAME;

    private DefaultModel() {}

    /** The file, or nothing where this program was built without one. */
    static Optional<Path> find() throws IOException {
        Path home = home();
        if (home != null && Files.isRegularFile(home.resolve("weights").resolve(NAME))) {
            return Optional.of(home.resolve("weights").resolve(NAME));
        }
        URL packed = DefaultModel.class.getClassLoader().getResource(RESOURCE);
        return packed == null ? Optional.empty() : Optional.of(unpacked(packed, cacheFolder()));
    }

    /** The project's folder: the launcher names it, and a jar or classes in {@code target} lie in it. Null for others. */
    private static Path home() {
        String named = System.getProperty("lanewise.home");
        if (named != null) {
            return Path.of(named);
        }
        try {
            URI code = DefaultModel.class.getProtectionDomain().getCodeSource().getLocation().toURI();
            Path target = Path.of(code).getParent();
            return target != null && target.endsWith("target") ? target.getParent() : null;
        } catch (URISyntaxException | RuntimeException notAFile) {
            return null;
        }
    }

    private static Path cacheFolder() {
        String system = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
        String variable = System.getenv(system.startsWith("windows") ? "LOCALAPPDATA" : "XDG_CACHE_HOME");
        Path home = Path.of(System.getProperty("user.home", ""));
        Path caches = variable != null && !variable.isEmpty() ? Path.of(variable)
                : system.startsWith("mac") ? home.resolve("Library/Caches") : home.resolve(".cache");
        return caches.resolve("lanewise");
    }

    /**
     * A file with the content of a jar's entry: the one in {@code cache} if it is whole, else a new one there, else one in
     * a folder of our own that goes with the process. Any number of processes may do this at once: each writes a file of
     * its own and renames it.
     */
    static Path unpacked(URL packed, Path cache) throws IOException {
        JarURLConnection connection = (JarURLConnection) packed.openConnection();
        connection.setUseCaches(false);
        try (JarFile jar = connection.getJarFile()) {
            JarEntry entry = connection.getJarEntry();
            String name = NAME.substring(0, NAME.lastIndexOf('.')) + "-" + Long.toHexString(entry.getCrc()) + ".gguf";
            Path file = cache.resolve(name);
            if (isWhole(file, entry)) {
                return file;
            }
            try {
                Files.createDirectories(cache);
                return write(jar, entry, file);
            } catch (IOException noCache) {
                Path folder = Files.createTempDirectory("lanewise");
                folder.toFile().deleteOnExit();
                Path temporary = write(jar, entry, folder.resolve(name));
                temporary.toFile().deleteOnExit();
                return temporary;
            }
        }
    }

    private static Path write(JarFile jar, JarEntry entry, Path file) throws IOException {
        Path part = Files.createTempFile(file.getParent(), "model", ".part");
        try {
            try (InputStream in = jar.getInputStream(entry); OutputStream out = Files.newOutputStream(part)) {
                in.transferTo(out);
            }
            return Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
    }

    /** Whether the file is there with the entry's length and checksum: a disk may have been full, or a user curious. */
    private static boolean isWhole(Path file, JarEntry entry) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            if (channel.size() != entry.getSize()) {
                return false;
            }
            CRC32 sum = new CRC32();
            ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 16);
            while (channel.read(buffer.clear()) >= 0) {
                sum.update(buffer.flip());
            }
            return sum.getValue() == entry.getCrc();
        } catch (IOException missingOrUnreadable) {
            return false;
        }
    }
}
