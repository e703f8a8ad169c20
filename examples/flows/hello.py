"""A small flow: two tasks, a few log lines, done in a second or two. It knows nothing of Fairlead."""

from prefect import flow, get_run_logger, task


@task
def extract(count: int) -> list[int]:
    return list(range(1, count + 1))


@task
def load(rows: list[int]) -> int:
    get_run_logger().info("loaded %d rows", len(rows))
    return sum(rows)


@flow
def etl(count: int = 3) -> int:
    total = load(extract(count))
    get_run_logger().info("the total is %d", total)
    return total


if __name__ == "__main__":
    etl()
