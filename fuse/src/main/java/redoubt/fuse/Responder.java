package redoubt.fuse;

/** Who answers what is asked of one mount. */
interface Responder {

    /**
     * Takes up a request whose body is as long as its opcode demands. Any of the connection's threads; must not wait.
     *
     * @return whether the exchange is the caller's again; otherwise it goes back to its stock when the device is done
     */
    boolean answer(Opcode opcode, Exchange exchange);

    /** The longest payload of a READ or WRITE that is to come, in bytes: a multiple of a page. */
    int longestTransferBytes();

    /** How many requests the kernel may send of its own accord before it waits for answers. */
    int background();
}
