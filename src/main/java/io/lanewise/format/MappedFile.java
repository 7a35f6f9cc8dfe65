package io.lanewise.format;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A file open for reading: its mapping, which costs memory only where it is touched, and its channel. */
final class MappedFile implements AutoCloseable {
    /** Longest piece of one read call: the JDK copies through a buffer of that size when the target is on the heap. */
    private static final long LONGEST_READ = 1 << 20;

    private final Path path;
    private final FileChannel channel;
    private final MemorySegment memory;

    private MappedFile(Path path, FileChannel channel, MemorySegment memory) {
        this.path = path;
        this.channel = channel;
        this.memory = memory;
    }

    /** Opens and maps a regular file; the mapping lives as long as {@code arena}. */
    static MappedFile open(Path path, Arena arena) {
        try {
            // Asked first, because opening a pipe would wait for its writer.
            if (Files.exists(path) && !Files.isRegularFile(path)) {
                throw new FormatException(path, Files.isDirectory(path) ? "is a folder, expected a model file"
                        : "is not a regular file; copy the model to disk and open that");
            }
            FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
            try {
                MemorySegment memory = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
                return new MappedFile(path, channel, memory);
            } catch (IOException | RuntimeException failed) {
                channel.close();
                throw failed;
            }
        } catch (NoSuchFileException missing) {
            throw new FormatException(path, "no such file; check the path", missing);
        } catch (AccessDeniedException denied) {
            throw new FormatException(path, "permission denied; make the file readable", denied);
        } catch (IOException failed) {
            throw new UncheckedIOException(path + ": cannot be read: " + failed.getMessage(), failed);
        }
    }

    Path path() {
        return path;
    }

    MemorySegment memory() {
        return memory;
    }

    long size() {
        return memory.byteSize();
    }

    /** Fills {@code target} from byte {@code position} on; the caller has checked the range. */
    void read(long position, MemorySegment target) {
        if (!memory.scope().isAlive()) {
            throw new IllegalStateException(path + " is closed");
        }
        boolean buffered = target.isNative() || target.heapBase().orElse(null) instanceof byte[];
        try {
            for (long done = 0; done < target.byteSize(); ) {
                long length = Math.min(LONGEST_READ, target.byteSize() - done);
                MemorySegment piece = target.asSlice(done, length);
                if (buffered) {
                    fill(piece.asByteBuffer(), position + done);
                } else {
                    MemorySegment.copy(memory, position + done, piece, 0, length);
                }
                done += length;
            }
        } catch (ClosedChannelException interrupted) {
            // An interrupt of any reading thread closes the channel for all; the mapping does not mind.
            MemorySegment.copy(memory, position, target, 0, target.byteSize());
        } catch (IOException failed) {
            throw new UncheckedIOException(path + ": cannot be read at byte " + position + ": " + failed.getMessage(),
                    failed);
        }
    }

    private void fill(ByteBuffer buffer, long position) throws IOException {
        long next = position;
        while (buffer.hasRemaining()) {
            int count = channel.read(buffer, next);
            if (count < 0) {
                throw new FormatException(path, next, "the file has become shorter since it was opened; open it again");
            }
            next += count;
        }
    }

    /** Bytes {@code [from, from + length)} as an array. */
    byte[] bytes(long from, int length) {
        byte[] bytes = new byte[length];
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, from, bytes, 0, length);
        return bytes;
    }

    /** Closes the channel; the mapping goes with its arena. */
    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException failed) {
            throw new UncheckedIOException(path + ": cannot be closed: " + failed.getMessage(), failed);
        }
    }
}
