package io.lanewise.cli;

import io.lanewise.train.Settings;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.ISetter;
import picocli.CommandLine.Model.OptionSpec;

/** Gives {@code train} a flag for every setting of a run: the list stands in one place, with what trains. */
final class TrainFlags implements IModelTransformer {
    @Override
    public CommandSpec transform(CommandSpec spec) {
        for (Settings.Description setting : Settings.all()) {
            if (spec.findOption("--" + setting.flag()) == null) {
                spec.addOption(option(spec, setting));
            }
        }
        return spec;
    }

    private static OptionSpec option(CommandSpec spec, Settings.Description setting) {
        String fallback = setting.defaultValue().strip();
        return OptionSpec.builder("--" + setting.flag()).type(String.class)
                .paramLabel(setting.isFlag() ? "true|false" : setting.isNumber() ? "N" : "WORD")
                .arity(setting.isFlag() ? "0..1" : "1").fallbackValue(setting.isFlag() ? "true" : "")
                .description(setting.help() + (fallback.isEmpty() ? "" : " Default: " + fallback + ".").replace("%", "%%"))
                .setter(new Setter(spec, setting.name())).build();
    }

    private record Setter(CommandSpec spec, String name) implements ISetter {
        @Override
        public <T> T set(T value) {
            if (value != null) {
                ((TrainCommand) spec.userObject()).set(name, value.toString());
            }
            return value;
        }
    }
}
