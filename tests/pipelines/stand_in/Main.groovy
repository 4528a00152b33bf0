import groovy.json.JsonOutput
import groovy.json.JsonSlurper

// Talks to jenkins.py in lines of JSON: takes {"check": text} or {"run": text, ...}, and while it runs asks for what
// the node is to do. Whatever else prints goes to stderr.
def replies = System.out
System.out = System.err
def requests = new BufferedReader(new InputStreamReader(System.in, 'UTF-8'))
def write = { Map message ->
    replies.println(JsonOutput.toJson(message))
    replies.flush()
}
def ask = { Map what ->
    write(what)
    def answer = new JsonSlurper().parseText(requests.readLine())
    if (answer.outcome) {
        throw new StepFailed(answer.message, answer.outcome)
    }
    answer.value
}

for (line in requests) {
    def request = new JsonSlurper().parseText(line)
    if (request.check != null) {
        write(errors: Check.errorsOf(request.check))
        continue
    }
    try {
        write(new Build(ask, request.branch, request.variables).run(request.run))
    } catch (StepFailed failed) {
        write(result: failed.outcome, stages: [:])
    }
}
