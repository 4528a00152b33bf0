"""What to do about credentials that are missing, expired or refused.

Sources: the pages "Common errors" of the services' API references, "Error responses" of S3 and
"Error codes" of EC2 for the codes; botocore's credentials.py and exceptions.py for the classes.
"""

from __future__ import annotations

_PROFILE = "Mend the profile in ~/.aws/config"
_SSO = "Log in again: aws sso login, with --profile NAME if you use one"
_LOGIN = "Log in again: aws login, with --profile NAME if you use one"
_EXPIRED = (
    "Log in to AWS again (aws sso login, aws login), or give AWS_SESSION_TOKEN and its key anew; "
    "what CloudFormation had begun goes on by itself"
)
_REFUSED = (
    "Log in to AWS again, set AWS_PROFILE or option profile, or mend AWS_ACCESS_KEY_ID, "
    "AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, which belong together"
)

_BY_CODE = {
    **dict.fromkeys(
        (
            *("ExpiredToken", "ExpiredTokenException", "RequestExpired"),
            *("TokenRefreshRequired", "CredentialsExpired"),
        ),
        _EXPIRED,
    ),
    **dict.fromkeys(
        (
            *("AuthFailure", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId"),
            *("InvalidSignatureException", "InvalidToken", "MissingAuthenticationToken"),
            *("MissingAuthenticationTokenException"),
            *("SignatureDoesNotMatch", "UnrecognizedClientException"),
        ),
        _REFUSED,
    ),
    "RequestTimeTooSkewed": "Set this machine's clock",
}
# By the names of classes: older botocores, which are good enough otherwise, lack some of them.
_BY_CLASS = {
    "NoCredentialsError": (
        "Log in to AWS (aws sso login, aws login), set AWS_PROFILE or option profile, or set "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    ),
    "PartialCredentialsError": "Set both halves of the key, or neither",
    "ProfileNotFound": "Mend option profile or AWS_PROFILE, or add the profile to ~/.aws/config",
    # `aws login` signs its refreshes with a key that only awscrt can use
    "MissingDependencyException": (
        "Do that for the Python that runs ansible-playbook, or give it the credentials as they "
        'are: eval "$(aws configure export-credentials --profile NAME --format env)"; '
        "unset AWS_PROFILE"
    ),
    "SSOError": _SSO,
    "TokenRetrievalError": _SSO,
    "LoginError": _LOGIN,
    "RefreshWithMFAUnsupportedError": _EXPIRED,
    "MetadataRetrievalError": (
        "See that the endpoint answers which AWS_CONTAINER_CREDENTIALS_FULL_URI or "
        "AWS_EC2_METADATA_SERVICE_ENDPOINT names; in a container on EC2, that the metadata's hop "
        "limit is 2"
    ),
    "CredentialRetrievalError": (
        "See that the profile's credential_process, or the endpoint of the container's or the "
        "instance's credentials, answers, or use another profile"
    ),
    "ConfigNotFound": _PROFILE,
    "ConfigParseError": _PROFILE,
    "InfiniteLoopConfigError": _PROFILE,
    "InvalidConfigError": _PROFILE,
    "UnknownCredentialError": _PROFILE,
    "NoKeyboardError": (
        "Get credentials first: "
        'eval "$(aws configure export-credentials --profile NAME --format env)"; unset AWS_PROFILE'
    ),
    "OSError": (
        "See that AWS_WEB_IDENTITY_TOKEN_FILE, AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE or "
        "the profile's credential_process names what is there and may be read"
    ),
    "JSONDecodeError": "See that the profile's credential_process prints JSON, and nothing else",
}
_BY_OPERATION = {
    "AssumeRole": (
        "See that the role exists, that its trust policy names who assumes it, and that the "
        "source of the profile may call sts:AssumeRole on it"
    ),
    "AssumeRoleWithWebIdentity": (
        "See that the role's trust policy names the token's issuer and fits its audience and "
        "subject, and that the token is fresh"
    ),
    "GetRoleCredentials": f"See that you may use the profile's sso_role_name. {_SSO}",
    "CreateToken": _SSO,
    "CreateOAuth2Token": _LOGIN,
}


class NoKeyboardError(ValueError):
    """A profile with mfa_serial asks for a code."""


def no_keyboard(question: str) -> str:
    """Refuse to ask for the code of a second factor; takes the place of getpass.getpass."""
    raise NoKeyboardError(f"{question.rstrip(': ')}: a task has no keyboard to type it on")


def remedy(error: Exception, code: str) -> str | None:
    """Return what to do about an error of credentials, without a full stop.

    Args:
        error: what botocore, or a file that it reads, raised.
        code: AWS's error code, or "".
    Returns:
        None if the error is about something else.
    """
    by_operation = _BY_OPERATION.get(getattr(error, "operation_name", ""))
    if by_operation:
        return by_operation
    if code in _BY_CODE:
        return _BY_CODE[code]
    names = (kind.__name__ for kind in type(error).__mro__)
    return next((_BY_CLASS[name] for name in names if name in _BY_CLASS), None)
