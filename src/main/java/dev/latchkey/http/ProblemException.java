package dev.latchkey.http;

import java.io.Serial;

/** Ends a request with a problem; only resources throw it, outside of transactions. */
public class ProblemException extends RuntimeException {

    @Serial
    private static final long serialVersionUID = 1;

    private final Problem problem;

    /**
     * @param detail a sentence for the developer who reads the answer; no values of the request
     */
    public ProblemException(Problem problem, String detail) {
        super(detail, null, false, false);
        this.problem = problem;
    }

    public Problem problem() {
        return problem;
    }
}
