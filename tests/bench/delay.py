# SPDX-License-Identifier: ISC
"""A wire of some length: forwards one TCP port to another and delivers each
way's bytes half a round trip later, however many are under way.

    delay.py LISTEN TARGET ROUND-TRIP-MS"""

import asyncio
import sys


async def carry(reader, writer, seconds):
    queue = asyncio.Queue()
    loop = asyncio.get_running_loop()

    async def arrive():
        while (item := await queue.get()) is not None:
            due, data = item
            await asyncio.sleep(max(0, due - loop.time()))
            writer.write(data)
            await writer.drain()
        writer.close()

    arriving = asyncio.create_task(arrive())
    try:
        while data := await reader.read(65536):
            queue.put_nowait((loop.time() + seconds, data))
    except ConnectionError:
        pass
    queue.put_nowait(None)
    try:
        await arriving
    except ConnectionError:
        pass


async def main(listen, target, milliseconds):
    seconds = float(milliseconds) / 2000

    async def accept(reader, writer):
        there = await asyncio.open_connection("127.0.0.1", int(target))
        await asyncio.gather(carry(reader, there[1], seconds),
                             carry(there[0], writer, seconds))

    server = await asyncio.start_server(accept, "127.0.0.1", int(listen))
    async with server:
        await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
