"""Makes the demo's work pool and deploys its sample flow, as any person with the stock Prefect SDK would.

    python deploy.py FOLDER FILE:FLOW DEPLOYMENT POOL VERSION TAG [TAG ...]

Where the API is and who calls stands in PREFECT_API_URL and PREFECT_CLIENT_CUSTOM_HEADERS, as for every Prefect client.
"""

import asyncio
import sys

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.workers.process import ProcessWorker


async def ensure_pool(name: str) -> None:
    async with get_client() as client:
        try:
            await client.read_work_pool(name)
            return
        except ObjectNotFound:
            pass
        template = ProcessWorker.get_default_base_job_template()
        try:
            await client.create_work_pool(WorkPoolCreate(name=name, type="process", base_job_template=template))
        except ObjectAlreadyExists:
            pass


def main(folder: str, entrypoint: str, name: str, pool: str, version: str, *tags: str) -> None:
    asyncio.run(ensure_pool(pool))
    flow.from_source(source=folder, entrypoint=entrypoint).deploy(
        name=name,
        work_pool_name=pool,
        version=version,
        tags=list(tags),
        description="The sample flow of the Fairlead demo.",
        build=False,
        push=False,
        print_next_steps=False,
        ignore_warnings=True,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
