namespace PgCluster.Adapters.PgBouncer;

/// <summary>What one simple query answered: rows by column name, or an error.</summary>
internal sealed class QueryResult
{
    private readonly Dictionary<string, int> _columns = new(StringComparer.Ordinal);
    private readonly List<string?[]> _rows = [];

    /// <summary>The error; null when there was none.</summary>
    public ServerErrorException? Error { get; set; }

    /// <summary>CommandComplete's tag; null when it did not come.</summary>
    public string? Tag { get; set; }

    public int RowCount => _rows.Count;

    public void SetColumns(string[] names)
    {
        _columns.Clear();
        for (var i = 0; i < names.Length; i++)
        {
            _columns[names[i]] = i;
        }
    }

    public void Add(string?[] row) => _rows.Add(row);

    /// <summary>The cell as text; null when it is NULL or this version has no such column.</summary>
    public string? Text(int row, string column) =>
        _columns.TryGetValue(column, out var index) && index < _rows[row].Length ? _rows[row][index] : null;

    /// <summary>The cell as a number; 0 when it is NULL, absent or no number.</summary>
    public int Number(int row, string column) =>
        int.TryParse(Text(row, column), System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : 0;

    public void ThrowIfError()
    {
        if (Error is not null)
        {
            throw Error;
        }
    }
}
