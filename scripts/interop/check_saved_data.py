"""Prints as JSON what pandas and pyarrow read of the files of a folder: a.parquet, a.jsonl and b.csv.

Usage: python check_saved_data.py FOLDER
Needs: pandas, pyarrow.
"""
import json
import pathlib
import sys

import pandas
import pyarrow.parquet


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    parquet = pyarrow.parquet.read_table(folder / "a.parquet")
    lines = pandas.read_json(folder / "a.jsonl", lines=True, dtype=False, convert_dates=False)
    texts = pandas.read_csv(folder / "b.csv", dtype=str, keep_default_na=False)
    print(
        json.dumps(
            {
                "parquet": parquet.to_pylist(),
                "types": {field.name: str(field.type) for field in parquet.schema},
                "jsonl": json.loads(lines.to_json(orient="records", double_precision=15)),
                "csv": texts.to_dict("records"),
            }
        )
    )


if __name__ == "__main__":
    main()
