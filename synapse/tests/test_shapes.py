"""What is run again on PostgreSQL: every shape of a statement, and everything that commits."""

from synapse.testing.shapes import choose, shape_of


def test_lists_and_numbers_make_no_shape_of_their_own():
    few = 'SELECT "a" FROM "t" WHERE "id" IN (%s, %s) LIMIT 21'

    assert shape_of(few) == shape_of('SELECT "a" FROM "t" WHERE "id" IN (%s, %s, %s) LIMIT 1')
    assert shape_of(few) != shape_of('SELECT "b" FROM "t" WHERE "id" IN (%s, %s) LIMIT 21')
    assert shape_of("INSERT INTO t VALUES (%s, NULL)") == shape_of("INSERT INTO t VALUES (%s, %s), (%s, NULL)")
    assert shape_of('SAVEPOINT "s1"') == ""


def test_every_shape_runs_twice_where_two_tests_have_it():
    noted = {"wide": "abcd", "narrow": "ab", "same": "ab", "third": "ab", "own": "e", "race": ""}

    chosen = choose(noted, must=["race"])

    assert {"wide", "own", "race"} < chosen
    assert len(chosen) == 4  # one of the three that ask for a and b is enough


def test_of_tests_that_ask_the_same_the_quick_ones_run():
    noted = {"slow": "abcd", "quick": "ab", "quicker": "cd"}

    assert choose(noted, must=[], seconds={"slow": 9.0, "quick": 0.1, "quicker": 0.1}) == {"slow", "quick", "quicker"}
    noted |= {"more": "ab", "most": "cd"}
    assert "slow" not in choose(noted, must=[], seconds={"slow": 9.0})
