package io.lanewise.cli;

import io.lanewise.train.LossHistory;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The loss curve of a run as a picture. */
final class LossPlot {
    private static final int WIDTH = 1000;
    private static final int HEIGHT = 600;
    /** A smoothed curve shows what single batches hide: the mean over this share of the run, half to either side. */
    private static final double SMOOTHED_SHARE = 0.03;
    private static final Color BATCH = new Color(0xB9, 0xCD, 0xE5);
    private static final Color SMOOTHED = new Color(0x1F, 0x4E, 0x8C);
    private static final Color HELD_OUT = new Color(0xC4, 0x4E, 0x1B);
    private static final int TICK_PIXELS = 120;

    private LossPlot() {}

    /** Draws training loss (each batch, and smoothed) and validation loss by step, as PNG. */
    static void write(LossHistory history, String title, Path file) throws IOException {
        System.setProperty("java.awt.headless", "true");
        XYChart chart = new XYChartBuilder().width(WIDTH).height(HEIGHT).title(title).xAxisTitle("step")
                .yAxisTitle("loss (nats a token)").theme(Styler.ChartTheme.XChart).build();
        chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideNE)
                .setSeriesColors(new Color[] {BATCH, SMOOTHED, HELD_OUT})
                .setChartBackgroundColor(Color.WHITE);
        chart.getStyler().setXAxisTickMarkSpacingHint(TICK_PIXELS).setDecimalPattern("#,###.##");
        List<Double> steps = new ArrayList<>();
        List<Double> losses = new ArrayList<>();
        List<Double> evaluated = new ArrayList<>();
        List<Double> validation = new ArrayList<>();
        for (LossHistory.Point point : history.points()) {
            if (!Double.isNaN(point.trainLoss())) {
                steps.add((double) point.step());
                losses.add(point.trainLoss());
            }
            if (!Double.isNaN(point.validationLoss())) {
                evaluated.add((double) point.step());
                validation.add(point.validationLoss());
            }
        }
        add(chart, "batch", steps, losses);
        add(chart, "batch, smoothed", steps, smoothed(losses));
        add(chart, "held-out text", evaluated, validation);
        if (chart.getSeriesMap().isEmpty()) {
            throw new UserMistake(file + ": there is no loss to plot yet");
        }
        // Beside and renamed: Ctrl-C may end the process at any moment.
        Path part = file.resolveSibling(file.getFileName() + ".part");
        Files.write(part, BitmapEncoder.getBitmapBytes(chart, BitmapEncoder.BitmapFormat.PNG));
        Files.move(part, file, StandardCopyOption.REPLACE_EXISTING);
    }

    private static void add(XYChart chart, String name, List<Double> x, List<Double> y) {
        if (!x.isEmpty()) {
            XYSeries series = chart.addSeries(name, x, y);
            series.setMarker(name.startsWith("batch") ? SeriesMarkers.NONE : SeriesMarkers.CIRCLE);
        }
    }

    private static List<Double> smoothed(List<Double> losses) {
        int reach = (int) (losses.size() * SMOOTHED_SHARE / 2);
        List<Double> means = new ArrayList<>();
        for (int i = 0; i < losses.size(); i++) {
            int side = Math.min(reach, Math.min(i, losses.size() - 1 - i));
            means.add(losses.subList(i - side, i + side + 1).stream().mapToDouble(Double::doubleValue).average()
                    .orElseThrow());
        }
        return means;
    }
}
