package redoubt.control;

/**
 * What is said over the control socket. Lines of UTF-8 end with a newline; a value follows its line and is as long as the line says.
 *
 * <pre>
 * server   redoubt-control 1                at once; another number is another language
 * client   read PATH
 *          write LENGTH PATH                then LENGTH bytes
 *          list PATH                        of a directory: a name a line, '/' behind directories, '@' behind links
 *          readlink PATH                    of a link: where it leads, seen from its directory
 *          watch PATH
 * server   ok LENGTH                        then LENGTH bytes; one answer to each request, in order
 *          no ERRNO SENTENCE
 *          changed COUNT PATH               between answers: so many changes of a watched attribute since it was last said;
 *                                           COUNT - 1 of them were not told one by one
 * </pre>
 *
 * A path is the rest of its line, so it may hold blanks. PATH and names are those of the tree; there is nothing else to reach.
 */
final class ControlWords {

    static final String GREETING = "redoubt-control 1";
    static final String READ = "read";
    static final String WRITE = "write";
    static final String LIST = "list";
    static final String READLINK = "readlink";
    static final String WATCH = "watch";
    static final String OK = "ok";
    static final String NO = "no";
    static final String CHANGED = "changed";

    /** Longest line, newline and value not counted. */
    static final int LINE_LIMIT_BYTES = 2048;

    /** Longest value that is written. */
    static final int WRITE_LIMIT_BYTES = 4096;

    /** Longest value that is read. */
    static final int READ_LIMIT_BYTES = 64 << 10;

    private ControlWords() {}
}
