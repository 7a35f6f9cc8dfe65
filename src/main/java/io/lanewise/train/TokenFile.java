package io.lanewise.train;

import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * The ids of a text in a file, memory-mapped. Layout, big-endian: magic, version and bytes an id (2 or 4) in one long;
 * the number of ids; the bytes of the text they stand for; then the ids.
 */
final class TokenFile implements TokenStream, AutoCloseable {
    private static final long MAGIC = 0x4C57_544F_4B01_0000L;
    private static final int HEADER_BYTES = 24;
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfChar CHAR = ValueLayout.JAVA_CHAR_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private final Arena arena;
    private final MemorySegment bytes;
    private final boolean wide;
    private final long size;
    private final long textBytes;

    private TokenFile(Arena arena, MemorySegment bytes) {
        this.arena = arena;
        this.bytes = bytes;
        this.wide = bytes.get(LONG, 0) == MAGIC + 4;
        this.size = bytes.get(LONG, 8);
        this.textBytes = bytes.get(LONG, 16);
    }

    /** Gives ids one after the other to whoever writes them. */
    interface Ids {
        void writeTo(Sink sink) throws IOException;
    }

    /** Takes ids. */
    interface Sink {
        void add(int[] ids) throws IOException;
    }

    /** Opens the file, or makes it first where it is missing or not whole. */
    static TokenFile openOrMake(Path path, int vocabSize, long textBytes, Ids ids) {
        try {
            if (!isWhole(path)) {
                write(path, vocabSize > 1 << 16, textBytes, ids);
            }
            Arena arena = Arena.ofShared();
            try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
                return new TokenFile(arena, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
            } catch (IOException | RuntimeException failed) {
                arena.close();
                throw failed;
            }
        } catch (IOException failed) {
            throw new UncheckedIOException(path + ": cannot be written or read: " + failed.getMessage(), failed);
        }
    }

    private static boolean isWhole(Path path) throws IOException {
        if (!Files.isRegularFile(path) || Files.size(path) < HEADER_BYTES) {
            return false;
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
                Arena arena = Arena.ofConfined()) {
            MemorySegment head = channel.map(FileChannel.MapMode.READ_ONLY, 0, HEADER_BYTES, arena);
            long width = head.get(LONG, 0) - MAGIC;
            return (width == 2 || width == 4) && channel.size() - HEADER_BYTES == head.get(LONG, 8) * width;
        }
    }

    private static void write(Path path, boolean wide, long textBytes, Ids ids) throws IOException {
        Path folder = path.toAbsolutePath().getParent();
        Files.createDirectories(folder);
        Path temporary = folder.resolve("." + path.getFileName() + "." + ProcessHandle.current().pid() + ".part");
        try {
            long count = writeIds(temporary, wide, ids);
            try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.READ,
                    StandardOpenOption.WRITE); Arena arena = Arena.ofConfined()) {
                MemorySegment head = channel.map(FileChannel.MapMode.READ_WRITE, 0, HEADER_BYTES, arena);
                head.set(LONG, 0, MAGIC + (wide ? 4 : 2));
                head.set(LONG, 8, count);
                head.set(LONG, 16, textBytes);
            }
            Files.move(temporary, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    private static long writeIds(Path file, boolean wide, Ids ids) throws IOException {
        long[] count = new long[1];
        try (OutputStream raw = Files.newOutputStream(file);
                DataOutputStream out = new DataOutputStream(new BufferedOutputStream(raw, 1 << 16))) {
            out.write(new byte[HEADER_BYTES]);
            ids.writeTo(chunk -> {
                for (int id : chunk) {
                    if (wide) {
                        out.writeInt(id);
                    } else {
                        out.writeShort(id);
                    }
                }
                count[0] += chunk.length;
            });
        }
        return count[0];
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public long textBytes() {
        return textBytes;
    }

    @Override
    public int at(long index) {
        return wide ? bytes.get(INT, HEADER_BYTES + 4 * index) : bytes.get(CHAR, HEADER_BYTES + 2 * index);
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
