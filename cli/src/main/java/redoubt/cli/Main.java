package redoubt.cli;

/** The way in: `redoubt VERB ...`. */
public final class Main {
    private static final int EXIT_USAGE = 64;
    private static final String VERSION = "0.1.0-SNAPSHOT";
    private static final String USAGE = "usage: redoubt --version | --help";

    private Main() {}

    public static void main(String[] args) {
        if (args.length == 1 && args[0].equals("--version")) {
            System.out.println("redoubt " + VERSION);
            return;
        }
        if (args.length == 1 && args[0].equals("--help")) {
            System.out.println(USAGE);
            return;
        }
        System.err.println(USAGE);
        System.exit(EXIT_USAGE);
    }
}
