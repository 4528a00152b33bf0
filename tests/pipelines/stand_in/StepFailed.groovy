/** A step or an agent failed: the message, and what the build's result is. */
class StepFailed extends RuntimeException {
    final String outcome

    StepFailed(String message, String outcome) {
        super(message)
        this.outcome = outcome
    }
}
