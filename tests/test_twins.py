"""The PyTorch twins compute what the JAX models compute; absent PyTorch, nothing runs."""

import json

import flax.linen as nn
import jax
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from benchmarks import statistician_twin, vae_twin  # noqa: E402
from benchmarks.twins import layers, program, train_statistician  # noqa: E402
from benchmarks.twins.author_statistician import AuthorStatistician, GlobalNorm  # noqa: E402
from benchmarks.twins.gaussians import Gaussian  # noqa: E402
from benchmarks.twins.parameters import load_variables  # noqa: E402
from benchmarks.twins.parity import (  # noqa: E402
    context_aware_parity,
    statistician_parity,
    vae_parity,
)
from benchmarks.twins.statistician_bound import Noise, statistician_bound  # noqa: E402
from benchmarks.twins.torch_context_aware import TorchContextAware  # noqa: E402
from benchmarks.twins.torch_statistician import TorchStatistician  # noqa: E402
from benchmarks.twins.torch_vae import TorchVAE  # noqa: E402
from cal_jax.errors import InputError, NotFiniteError  # noqa: E402
from cal_jax.models.components.decoders import ConvDecoder, MLPDecoder  # noqa: E402
from cal_jax.models.components.encoders import (  # noqa: E402
    ConvEncoder,
    DenseEncoder,
    MLPEncoder,
)
from cal_jax.models.components.likelihoods import Normal  # noqa: E402
from cal_jax.models.context_aware.actions import Inversion  # noqa: E402
from cal_jax.models.context_aware.config import (  # noqa: E402
    Context,
    ContextAwareConfig,
    Latent,
)
from cal_jax.models.context_aware.posteriors import SharedExperts, Statistic  # noqa: E402
from cal_jax.models.context_aware.priors import LearnedGaussian  # noqa: E402
from cal_jax.models.statistician import NeuralStatisticianConfig  # noqa: E402
from cal_jax.models.vae import VAEConfig  # noqa: E402
from cal_jax.nn.hidden import Hidden  # noqa: E402
from experiments.results.gather import gather  # noqa: E402
from experiments.results.record import read_run  # noqa: E402

SMALL_VAE = VAEConfig(encoder=MLPEncoder((8, 5)), decoder=MLPDecoder((5, 8)))


def small_statistician(**changes):
    # For items of two features: the gradient of a single one's weight before a normalisation is
    # rounding alone.
    return NeuralStatisticianConfig(**{"latent_dim": 4, "hidden": Hidden(8), **changes})


def test_the_vae_and_its_twin_agree():
    assert max(vae_parity(SMALL_VAE, (6, 6))) < 1e-4


@pytest.mark.parametrize(
    "changes",
    [{"hidden": Hidden(8, 2, skip=False)}, {"layers": 1, "full": False}],
    ids=["full", "basic"],
)
def test_the_statistician_and_its_twin_agree(changes):
    assert max(statistician_parity(small_statistician(**changes), (2,))) < 1e-4


def test_the_context_aware_learner_and_its_twin_agree():
    config = ContextAwareConfig(
        context_dim=4,
        latent=Latent(3),
        encoder=ConvEncoder((3, 5)),
        decoder=ConvDecoder((3, 5)),
        posterior=Statistic(8),
        hidden=Hidden(8, 2),
    )
    # 7 pixels halve to 4 and 2: both kinds of padding of a stride of 2.
    assert max(context_aware_parity(config, (7, 7), sets=4, items=3)) < 1e-4


@pytest.mark.parametrize(
    ("make", "config", "message"),
    [
        (TorchVAE, VAEConfig(encoder=DenseEncoder()), "encoder.kind 'DenseEncoder'; accepted"),
        (TorchVAE, VAEConfig(covariance="full"), "covariance 'full'; accepted"),
        (
            TorchStatistician,
            small_statistician(likelihood=Normal(1.0)),
            "likelihood.scale 1.0; accepted by plain forms and twins: None",
        ),
        (
            TorchContextAware,
            ContextAwareConfig(constant_prior=LearnedGaussian("mask")),
            "constant_prior.sees 'mask'; accepted by plain forms and twins: 'nothing'",
        ),
        (
            TorchContextAware,
            ContextAwareConfig(posterior=Statistic(covariance="full")),
            "posterior.covariance 'full'; accepted",
        ),
        (
            TorchContextAware,
            ContextAwareConfig(
                (Context("a"), Context("b", Inversion())), posterior=SharedExperts()
            ),
            "posterior.kind 'SharedExperts'; accepted",
        ),
    ],
)
def test_what_is_not_the_thesis_s_has_no_twin(make, config, message):
    with pytest.raises(InputError, match=message):
        make(config, (8, 8))


@pytest.mark.parametrize(
    ("layer", "initialiser"),
    [
        (layers.hidden(300, 200), nn.initializers.he_normal()),
        (layers.glorot(300, 200), nn.initializers.glorot_normal()),
        (
            layers.gaussian_head(300, 100)[0],
            nn.initializers.variance_scaling(0.01, "fan_avg", "truncated_normal"),
        ),
    ],
)
def test_weights_start_from_the_same_distribution(layer, initialiser):
    expected = np.asarray(initialiser(jax.random.key(0), (300, 200)))
    weights = layer.weight.detach().numpy()
    assert weights.std() == pytest.approx(expected.std(), rel=0.01)
    assert np.abs(weights).max() == pytest.approx(np.abs(expected).max(), rel=0.01)


def test_other_variables_are_refused_in_one_line():
    with pytest.raises(InputError, match=r"^decoder\.hidden\.BatchNorm_0\.bias: not in both"):
        load_variables(TorchVAE(SMALL_VAE, (6, 6)), {"params": {}})


def test_gaussians_are_pytorchs_own():
    torch.manual_seed(0)
    q, p = (Gaussian(torch.randn(3, 2), torch.randn(3, 2)) for _ in range(2))
    own_q, own_p = (
        torch.distributions.Normal(d.mean, torch.exp(0.5 * d.log_variance)) for d in (q, p)
    )
    kl = torch.distributions.kl_divergence
    standard = torch.distributions.Normal(0.0, 1.0)
    x = torch.randn(3, 2)
    torch.testing.assert_close(q.log_density(x), own_q.log_prob(x).sum(-1))
    torch.testing.assert_close(q.kl_from(p), kl(own_q, own_p).sum(-1))
    torch.testing.assert_close(q.kl_from_standard(), kl(own_q, standard).sum(-1))


def test_the_authors_normalisation_has_one_mean_and_variance_of_all_features():
    x = 3 + torch.arange(24.0).reshape(4, 6) ** 2 / 1000
    y = GlobalNorm()(x)
    torch.testing.assert_close(y, (x - x.mean()) / torch.sqrt(x.var(correction=0) + 1e-3))


def test_the_authors_model_ignores_the_order_of_items_and_sees_other_sets_in_training_alone():
    torch.manual_seed(0)
    config = small_statistician()
    model = AuthorStatistician(config, (2,))
    x = torch.randn(3, 5, 2)
    noise = Noise.draw(x, context_dim=3, latent_dim=4, layers=2)
    alone = Noise(noise.context[:1], tuple(z[:1] for z in noise.latents))
    reverse = Noise(noise.context, tuple(z.flip(1) for z in noise.latents))

    def elbo(x, noise):
        return statistician_bound(model, x, noise).elbo

    torch.testing.assert_close(elbo(x.flip(1), reverse), elbo(x, noise))
    assert abs(elbo(x[:1], alone) - elbo(x, noise)[:1]) > 1e-3
    model.eval()
    torch.testing.assert_close(elbo(x[:1], alone), elbo(x, noise)[:1], rtol=1e-4, atol=0.0)


def test_the_first_epoch_weighs_by_two_and_the_last_is_the_bound():
    assert [train_statistician.omega(epoch) for epoch in range(3)] == [2.0, 1.5, 1.25]


@pytest.mark.parametrize("architecture", ["author", "thesis"])
def test_the_statisticians_program_learns_and_writes_its_scores(tmp_path, capsys, architecture):
    pytest.importorskip("sklearn")
    sizes = ["--sets=64", "--test-sets=32", "--set-size=20", "--width=16", "--threads=1"]
    results = []
    for steps in (1, 80):
        folder = tmp_path / str(steps)
        chosen = [f"--steps={steps}", f"--architecture={architecture}", f"--run-dir={folder}"]
        assert statistician_twin.main([*chosen, *sizes]) == 0
        results.append(read_run(folder))
        assert json.loads(capsys.readouterr().out) == results[-1]
    first, last = (run["details"]["training"] for run in results)
    assert last["steps"] == 80
    assert last["last_elbo"] > first["last_elbo"] + 0.2
    gathered = gather([folder])
    assert gathered["command"].endswith("--seed SEED")
    assert 0 <= gathered["scores"]["family_knn"]["values"][0] <= 1
    assert str(tmp_path) not in json.dumps(gathered)


@pytest.mark.parametrize("binarisation", ["static", "dynamic"])
def test_the_vaes_program_learns(tmp_path, binarisation):
    pytest.importorskip("sklearn")
    flags = ["--steps=40", "--threads=1", "--held-back=100", f"--binarisation={binarisation}"]
    assert vae_twin.main([*flags, f"--run-dir={tmp_path}"]) == 0
    scores = read_run(tmp_path)["scores"]
    elbo, reconstruction, kl = (
        scores[f"{name}_{binarisation}"]["value"]
        for name in ("elbo", "reconstruction", "kl_latent")
    )
    assert elbo > -0.8 * 28**2 * np.log(2)
    assert elbo == pytest.approx(reconstruction - kl)


def test_a_step_whose_gradient_is_not_finite_changes_nothing_and_others_are_clipped():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2, momentum=0.5))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimiser = torch.optim.SGD(model.parameters(), lr=1.0)
    x = torch.tensor([[1.0, 2.0], [3.0, -4.0], [0.0, 1.0]])

    def step(factor):
        def loss_and_elbo():
            loss = factor * model(x).square().sum()
            return loss, -loss

        return train_statistician.step_or_skip(model, optimiser, loss_and_elbo)

    assert np.isnan(step(np.inf))
    torch.testing.assert_close(model.state_dict(), before)
    assert step(100.0) < 0
    moves = [model.state_dict()[name] - before[name] for name, _ in model.named_parameters()]
    assert max(move.abs().max() for move in moves) == pytest.approx(0.5)
    assert not torch.equal(model[1].running_mean, before["1.running_mean"])


def test_a_run_that_stays_infinite_stops():
    flags = program.parser("a_twin", None, epochs=9, batch_size=2).parse_args([])
    bounds = iter([np.nan, -1.0] + [np.nan] * 40)
    with pytest.raises(NotFiniteError, match="20 steps up to 22 are not finite"):
        program.train(flags, 10, lambda epoch, rows: next(bounds))


def test_bad_flags_are_one_line(capsys):
    assert statistician_twin.main(["--epochs", "0"]) == 2
    assert capsys.readouterr().err == "error: --epochs 0; accepted: 1 or more\n"
