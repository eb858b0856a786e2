"""From the integers of a questionnaire to the mechanism itself."""

from __future__ import annotations

from loopixmix.errors import MisuseError
from stats.questionnaire.questionnaire import MechanismKind, MechanismSpec
from stats.randomise.hadamard import HadamardResponse
from stats.randomise.krr import RandomisedResponse
from stats.randomise.mechanism import Mechanism
from stats.randomise.sampled import SampledBit
from stats.randomise.truth import TrueAnswer
from stats.randomise.unary import UnaryEncoding
from stats.randomise.weights import Weights


def mechanism_of(spec: MechanismSpec) -> Mechanism:
    """Return the mechanism that `spec` describes; raise `MisuseError` if there is none (docs/protocol/stats.md, 2)."""
    if spec.kind is MechanismKind.NONE:
        if (spec.true_weight, spec.false_weight) != (1, 0):
            raise MisuseError("without a mechanism the weights are 1 and 0")
        return TrueAnswer(spec.domain)
    weights = Weights(spec.true_weight, spec.false_weight)
    match spec.kind:
        case MechanismKind.KRR:
            return RandomisedResponse(spec.domain, weights)
        case MechanismKind.HADAMARD:
            return HadamardResponse(spec.domain, weights)
        case MechanismKind.UNARY:
            return UnaryEncoding(spec.domain, weights)
        case MechanismKind.SAMPLED_BIT:
            if spec.domain.bit_count() != 1:
                raise MisuseError(f"the domain of a multiple choice is a power of 2, not {spec.domain}")
            return SampledBit(spec.domain.bit_length() - 1, weights)
