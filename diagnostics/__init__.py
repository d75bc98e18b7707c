"""The engine: plan, measure, judge, advise, report.  Free of Qt, typed, asyncio."""
