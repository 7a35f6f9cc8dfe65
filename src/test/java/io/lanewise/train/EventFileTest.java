package io.lanewise.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Event files read back by a reader of its own. */
class EventFileTest {
    @TempDir
    Path folder;

    @Test
    void recordsAndEventsReadBack() throws Exception {
        try (EventFile events = EventFile.create(folder)) {
            events.scalar("loss/train", 300, 1.25);
            events.scalar("loss/validation", 1L << 40, -2);
        }
        List<ByteBuffer> records = records(onlyFile());
        assertThat(records).hasSize(3);
        assertThat(string(records.getFirst())).contains("brain.Event:2");

        ByteBuffer event = records.get(1);
        assertThat(event.get()).as("wall_time, 64 bits").isEqualTo((byte) (1 << 3 | 1));
        assertThat(event.getDouble()).isEqualTo(System.currentTimeMillis() / 1000.0, within(60.0));
        assertThat(event.get()).as("step, varint").isEqualTo((byte) (2 << 3));
        assertThat(varint(event)).isEqualTo(300);
        assertThat(event.get()).as("summary, bytes").isEqualTo((byte) (5 << 3 | 2));
        assertThat(varint(event)).isEqualTo(event.remaining());
        assertThat(event.get()).as("value, bytes").isEqualTo((byte) (1 << 3 | 2));
        assertThat(varint(event)).isEqualTo(event.remaining());
        assertThat(event.get()).as("tag, bytes").isEqualTo((byte) (1 << 3 | 2));
        byte[] tag = new byte[(int) varint(event)];
        event.get(tag);
        assertThat(new String(tag)).isEqualTo("loss/train");
        assertThat(event.get()).as("simple_value, 32 bits").isEqualTo((byte) (2 << 3 | 5));
        assertThat(event.getFloat()).isEqualTo(1.25f);
        assertThat(event.hasRemaining()).isFalse();
    }

    @Test
    void everyEventIsOnTheDiskAtOnceAndASecondFileHasItsOwnName() throws Exception {
        try (EventFile events = EventFile.create(folder)) {
            events.scalar("a", 1, 1);
            assertThat(records(onlyFile())).hasSize(2);
            EventFile.create(folder).close();
        }
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files).hasSize(2);
        }
    }

    @Test
    void checksumsAreThoseOfTheFormat() throws Exception {
        EventFile.create(folder).close();
        ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(onlyFile())).order(ByteOrder.LITTLE_ENDIAN);
        int stored = file.getInt(8);
        int crc = crc32c(file.array(), 0, 8);
        assertThat(stored).isEqualTo((crc >>> 15 | crc << 17) + 0xA282EAD8);
        assertThat(crc32c("123456789".getBytes(), 0, 9)).as("the check value of CRC-32C").isEqualTo(0xE3069283);
    }

    private Path onlyFile() throws Exception {
        try (Stream<Path> files = Files.list(folder)) {
            return files.findFirst().orElseThrow();
        }
    }

    private static List<ByteBuffer> records(Path path) throws Exception {
        ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN);
        List<ByteBuffer> records = new ArrayList<>();
        while (file.hasRemaining()) {
            int length = (int) file.getLong();
            file.getInt();
            records.add(file.slice(file.position(), length).order(ByteOrder.LITTLE_ENDIAN));
            int crc = crc32c(file.array(), file.position(), length);
            file.position(file.position() + length);
            assertThat(file.getInt()).isEqualTo((crc >>> 15 | crc << 17) + 0xA282EAD8);
        }
        return records;
    }

    private static String string(ByteBuffer bytes) {
        byte[] copy = new byte[bytes.remaining()];
        bytes.duplicate().get(copy);
        return new String(copy, StandardCharsets.ISO_8859_1);
    }

    private static long varint(ByteBuffer bytes) {
        long value = 0;
        for (int shift = 0;; shift += 7) {
            byte next = bytes.get();
            value |= (long) (next & 0x7F) << shift;
            if (next >= 0) {
                return value;
            }
        }
    }

    /** Bit by bit, from the polynomial. */
    private static int crc32c(byte[] bytes, int from, int length) {
        int crc = ~0;
        for (int i = from; i < from + length; i++) {
            crc ^= bytes[i] & 0xFF;
            for (int bit = 0; bit < 8; bit++) {
                crc = crc >>> 1 ^ ((crc & 1) == 0 ? 0 : 0x82F63B78);
            }
        }
        return ~crc;
    }
}
