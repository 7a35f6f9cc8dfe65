package io.lanewise.cli;

import java.util.Locale;

/** Numbers as people read them. */
final class Units {
    private static final String[] BYTES = {"B", "KiB", "MiB", "GiB", "TiB"};

    private Units() {}

    /** As {@code 1.1 MiB}. */
    static String bytes(long bytes) {
        double value = bytes;
        int unit = 0;
        while (value >= 1024 && unit < BYTES.length - 1) {
            value /= 1024;
            unit++;
        }
        return unit == 0 ? bytes + " B" : String.format(Locale.ROOT, "%.1f %s", value, BYTES[unit]);
    }

    /** With groups of three digits: {@code 134,515,008}. */
    static String grouped(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
