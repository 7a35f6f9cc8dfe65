package io.lanewise.parallel;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/** What this machine is made of, as far as the system tells. */
public final class Machine {
    private static final Path CPUS = Path.of("/sys/devices/system/cpu");

    /** Cores that this process may use: logical processors, less the second threads of a core where Linux names them. */
    public static final int PHYSICAL_CORES = physicalCores();
    /** Bytes of first-level data cache a core; 32 KiB where the system does not tell. */
    public static final int L1_BYTES = cacheBytes(1, 32 << 10);
    /** Bytes of second-level cache a core; 512 KiB where the system does not tell. */
    public static final int L2_BYTES = cacheBytes(2, 512 << 10);
    /** Bytes of third-level cache, shared; 8 MiB where the system does not tell. */
    public static final int L3_BYTES = cacheBytes(3, 8 << 20);

    private Machine() {}

    private static int physicalCores() {
        int logical = Runtime.getRuntime().availableProcessors();
        Set<String> cores = new HashSet<>();
        for (int cpu = 0; cpu < logical; cpu++) {
            String siblings = read(CPUS.resolve("cpu" + cpu + "/topology/thread_siblings_list"));
            if (siblings == null) {
                return logical;
            }
            cores.add(siblings);
        }
        return Math.clamp(cores.size(), 1, logical);
    }

    private static int cacheBytes(int level, int otherwise) {
        for (int index = 0; index < 8; index++) {
            Path cache = CPUS.resolve("cpu0/cache/index" + index);
            String size = read(cache.resolve("size"));
            if (size != null && String.valueOf(level).equals(read(cache.resolve("level")))
                    && !"Instruction".equals(read(cache.resolve("type"))) && size.matches("[0-9]{1,6}K")) {
                return Integer.parseInt(size.substring(0, size.length() - 1)) << 10;
            }
        }
        return otherwise;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file).trim();
        } catch (IOException | RuntimeException unreadable) {
            return null;
        }
    }
}
