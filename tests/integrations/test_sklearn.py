"""scikit-learn in interpreters, by joblib's backend "ungil": the same answers as in sequence."""

import subprocess
import sys
import textwrap
import unittest

import joblib
import numpy
import stress
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import pairwise_distances
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score, learning_curve
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

import ungil  # noqa: F401 - joblib has the backend then
from references import PATIENCE

X, y = load_digits(return_X_y=True)
X, y = X[:300], y[:300]


class Threshold(TransformerMixin, BaseEstimator):
    def __init__(self, at=8):
        self.at = at

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return (self.at < X).astype(float)


def grid():
    pipeline = make_pipeline(Threshold(), RidgeClassifier())
    search = GridSearchCV(pipeline, {"threshold__at": [2, 5, 8], "ridgeclassifier__alpha": [1.0, 9.0]}, cv=3).fit(X, y)
    return type(search.best_estimator_[0]) is Threshold, search.best_params_, search.cv_results_["mean_test_score"]


def scores():
    return cross_val_score(RidgeClassifier(), X, y, cv=3)


def forest():
    model = RandomForestClassifier(12, max_depth=5, random_state=0).fit(X, y)
    return model.predict_proba(X), model.feature_importances_


def vote():
    models = [("ridge", RidgeClassifier()), ("tree", DecisionTreeClassifier(random_state=0))]
    return VotingClassifier(models).fit(X, y).predict(X)


def others():
    sizes = {"train_sizes": [0.3, 1.0], "cv": 3}
    return (
        cross_val_predict(RidgeClassifier(), X, y, cv=3),
        learning_curve(RidgeClassifier(), X, y, **sizes)[2],
        pairwise_distances(X[:50], metric="cityblock", n_jobs=2),
    )


def flat(answer):
    if isinstance(answer, tuple):
        return [part for item in answer for part in flat(item)]
    return [answer]


class Answers(unittest.TestCase):
    def check(self, *functions):
        for function in functions:
            expected = flat(function())
            with self.subTest(function=function.__name__), joblib.parallel_config(backend="ungil", n_jobs=2):
                found = flat(function())
                self.assertEqual(len(found), len(expected))
                for one, other in zip(found, expected):
                    if isinstance(other, numpy.ndarray):
                        numpy.testing.assert_allclose(one, other, rtol=1e-12)  # threads add in any order
                    else:
                        self.assertEqual(one, other)

    def test_searches_scores_and_forests(self):
        self.check(grid, scores, forest)

    @unittest.skipIf(stress.is_short(), "SKIP: the whole runs with %s=full" % stress.NAME)
    def test_others(self):
        self.check(vote, others)

    def test_a_failing_fit(self):
        # The other call is interrupted, which would leave modules half imported.
        preload = ["sklearn.linear_model", "sklearn.model_selection"]
        config = joblib.parallel_config(backend="ungil", n_jobs=2, preload=preload)
        with config, self.assertRaisesRegex(ValueError, "alpha"):
            cross_val_score(RidgeClassifier(alpha="x"), X, y, cv=3, error_score="raise")

    def test_a_transformer_of_main(self):
        program = """
            import joblib, ungil
            from sklearn.base import BaseEstimator, TransformerMixin
            from sklearn.datasets import load_iris
            from sklearn.linear_model import RidgeClassifier
            from sklearn.model_selection import GridSearchCV
            from sklearn.pipeline import make_pipeline

            class Power(TransformerMixin, BaseEstimator):
                def __init__(self, by=1):
                    self.by = by
                def fit(self, X, y=None):
                    return self
                def transform(self, X):
                    return X ** self.by

            with joblib.parallel_config(backend="ungil", n_jobs=2):
                pipeline = make_pipeline(Power(), RidgeClassifier())
                search = GridSearchCV(pipeline, {"power__by": [0, 1]}).fit(*load_iris(return_X_y=True))
            print(search.best_params_, type(search.best_estimator_[0]) is Power)
        """
        command = [sys.executable, "-c", textwrap.dedent(program)]
        output = subprocess.check_output(command, timeout=PATIENCE, universal_newlines=True)
        self.assertEqual(output.strip(), "{'power__by': 1} True")


if __name__ == "__main__":
    unittest.main()
