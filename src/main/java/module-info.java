/** Lanewise: a transformer engine in pure Java. */
module io.lanewise {
    requires jdk.incubator.vector;
    requires com.fasterxml.jackson.core;
    requires static info.picocli;
    requires static HdrHistogram;
    requires static me.tongfei.progressbar;
    requires static org.jline.reader;
    requires static org.jline.terminal;
    requires static org.knowm.xchart;
    requires static java.desktop;
    requires static jdk.management;

    exports io.lanewise.tensor;
    exports io.lanewise.format;
    exports io.lanewise.parallel;
    exports io.lanewise.template;
    exports io.lanewise.tokenizer;
    exports io.lanewise.model;
    exports io.lanewise.generate;
    exports io.lanewise.train;
}
