package io.lanewise.train;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The losses of a run by step, kept in a CSV file: {@code step,train_loss,validation_loss}, numbers in full precision, the
 * last column empty where there was no evaluation. It holds nothing that depends on time, so that two runs which compute
 * the same have the same file.
 */
public final class LossHistory {
    private static final String HEADER = "step,train_loss,validation_loss";

    private final Path file;
    private final List<Point> points = new ArrayList<>();
    private final StringBuilder unwritten = new StringBuilder();

    /**
     * What was measured at a step.
     *
     * @param step updates done
     * @param trainLoss mean loss of the batch of that update; NaN where there was none
     * @param validationLoss mean loss over the held-out text; NaN where it was not evaluated
     */
    public record Point(long step, double trainLoss, double validationLoss) {
    }

    private LossHistory(Path file) {
        this.file = file;
    }

    /** Reads a run's file, or begins one. */
    public static LossHistory open(Path file) {
        LossHistory history = new LossHistory(file);
        try {
            if (Files.exists(file)) {
                List<String> lines = Files.readAllLines(file, StandardCharsets.UTF_8);
                lines.stream().skip(1).forEach(history::read);
            } else {
                history.unwritten.append(HEADER).append('\n');
            }
        } catch (IOException failed) {
            throw new UncheckedIOException(file + ": cannot be read: " + failed.getMessage(), failed);
        }
        return history;
    }

    /** A kill may leave half a line behind the last checkpoint: it is left out. */
    private void read(String line) {
        String[] parts = line.split(",", -1);
        try {
            points.add(new Point(Long.parseLong(parts[0]), number(parts[1]), number(parts[2])));
        } catch (NumberFormatException | ArrayIndexOutOfBoundsException cutOff) {
            return;
        }
    }

    private static double number(String text) {
        return text.isEmpty() ? Double.NaN : Double.parseDouble(text);
    }

    /** All points in order. */
    public List<Point> points() {
        return Collections.unmodifiableList(points);
    }

    void add(long step, double trainLoss, double validationLoss) {
        Point point = new Point(step, trainLoss, validationLoss);
        points.add(point);
        append(point);
    }

    private void append(Point point) {
        unwritten.append(point.step).append(',').append(text(point.trainLoss)).append(',')
                .append(text(point.validationLoss)).append('\n');
    }

    private static String text(double number) {
        return Double.isNaN(number) ? "" : Double.toString(number);
    }

    /** Writes what is new. */
    void flush() {
        try {
            Files.writeString(file, unwritten, StandardCharsets.UTF_8, StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND);
            unwritten.setLength(0);
        } catch (IOException failed) {
            throw new UncheckedIOException(file + ": cannot be written: " + failed.getMessage(), failed);
        }
    }

    /** Forgets all points behind a step, which a resumed run computes again. */
    void truncate(long step) {
        points.removeIf(point -> point.step > step);
        unwritten.setLength(0);
        unwritten.append(HEADER).append('\n');
        points.forEach(this::append);
        try {
            Path temporary = file.resolveSibling(file.getFileName() + ".part");
            Files.writeString(temporary, unwritten, StandardCharsets.UTF_8);
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
            unwritten.setLength(0);
        } catch (IOException failed) {
            throw new UncheckedIOException(file + ": cannot be written: " + failed.getMessage(), failed);
        }
    }
}
