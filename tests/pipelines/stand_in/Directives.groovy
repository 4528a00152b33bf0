/**
 * What of the declarative syntax the stand-in knows: all that our Jenkinsfile uses, and little more.
 * Jenkins knows more; whatever is not here is refused, so that nothing passes unnoticed.
 * Names and rules: https://www.jenkins.io/doc/book/pipeline/syntax/ and the plugin pipeline-model-definition.
 */
class Directives {
    static final PIPELINE = ['agent', 'environment', 'options', 'post', 'stages']
    static final STAGE = ['agent', 'environment', 'options', 'post', 'stages', 'steps', 'when']
    static final DOCKER = ['args', 'image', 'reuseNode']
    static final WHEN = ['beforeAgent', 'branch']
    static final STAGE_OPTIONS = [timeout: ['time', 'unit']]
    static final PIPELINE_OPTIONS = STAGE_OPTIONS + [
        buildDiscarder: [],
        disableConcurrentBuilds: ['abortPrevious'],
    ]
    /** Calls whose value is an option's argument. */
    static final VALUES = [
        logRotator: ['artifactDaysToKeepStr', 'artifactNumToKeepStr', 'daysToKeepStr', 'numToKeepStr'],
    ]
    /** In the order in which Jenkins runs them. */
    static final POST = ['always', 'aborted', 'failure', 'success', 'unsuccessful', 'unstable', 'cleanup']

    /** Steps and their parameters; the first is the one that needs no name. */
    static final STEPS = [
        archiveArtifacts: ['artifacts'],
        deleteDir: [],
        echo: ['message'],
        error: ['message'],
        junit: ['testResults'],
        script: [],
        sh: ['script', 'label'],
    ]
}
