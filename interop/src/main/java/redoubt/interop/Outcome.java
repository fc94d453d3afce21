package redoubt.interop;

import java.util.List;

/** How a command ended: its exit code and all it said. */
public record Outcome(List<String> command, int exitCode, String out, String err) {
    public Outcome {
        command = List.copyOf(command);
    }

    /** This outcome, if the command ended with 0; else an error that tells everything. */
    public Outcome mustSucceed() {
        return mustExit(0);
    }

    /** This outcome, if the command ended with the given exit code; else an error that tells everything. */
    public Outcome mustExit(int expected) {
        if (exitCode != expected) {
            throw new AssertionError("exit code is %d, expected %d%n%s".formatted(exitCode, expected, this));
        }
        return this;
    }

    @Override
    public String toString() {
        return "$ %s%n[exit %d]%n%s%s"
                .formatted(String.join(" ", command), exitCode, section("out", out), section("err", err));
    }

    private static String section(String name, String text) {
        return text.isEmpty() ? "" : "--- %s%n%s%n".formatted(name, text.stripTrailing());
    }
}
