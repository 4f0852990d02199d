"""KMS: signatures of digests."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.exceptions import InvalidSignature
from moto.kms.exceptions import ValidationException
from moto.kms.responses import KmsResponse
from moto.kms.utils import ECDSAPrivateKey

# Source: "Sign", AWS KMS API reference.
LONGEST_MESSAGE = 4096


class Digest(bytes):
    """A message that is hashed already."""


def sign_digests():
    """moto ignores MessageType: it hashes a digest once more, and its signature fits nothing that AWS would sign."""

    get_param = KmsResponse._get_param
    sign, verify = ECDSAPrivateKey.sign, ECDSAPrivateKey.verify

    def get_message(self, name, if_none=None):
        value = get_param(self, name, if_none)
        if name != "Message" or not isinstance(value, bytes):
            return value
        if get_param(self, "MessageType") == "DIGEST":
            return Digest(value)
        if len(value) > LONGEST_MESSAGE:
            raise ValidationException(
                "1 validation error detected: Value at 'message' failed to satisfy constraint: "
                f"Member must have length less than or equal to {LONGEST_MESSAGE}"
            )
        return value

    def prehashed(digest, signing_algorithm):
        algorithm = {"ECDSA_SHA_256": hashes.SHA256, "ECDSA_SHA_384": hashes.SHA384, "ECDSA_SHA_512": hashes.SHA512}[
            signing_algorithm
        ]()
        if len(digest) != algorithm.digest_size:
            raise ValidationException(f"Digest is invalid length for algorithm {signing_algorithm}.")
        return ec.ECDSA(Prehashed(algorithm))

    def sign_message(self, message, signing_algorithm):
        if not isinstance(message, Digest):
            return sign(self, message, signing_algorithm)
        return self.private_key.sign(message, prehashed(message, signing_algorithm))

    def verify_message(self, message, signature, signing_algorithm):
        if not isinstance(message, Digest):
            return verify(self, message, signature, signing_algorithm)
        try:
            self.private_key.public_key().verify(signature, message, prehashed(message, signing_algorithm))
            return True
        except InvalidSignature:
            return False

    KmsResponse._get_param = get_message
    ECDSAPrivateKey.sign = sign_message
    ECDSAPrivateKey.verify = verify_message


def apply():
    sign_digests()
