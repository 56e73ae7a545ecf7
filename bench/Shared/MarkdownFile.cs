namespace PgCluster.Bench;

/// <summary>A file that results are written to, for people to read.</summary>
internal static class MarkdownFile
{
    /// <summary>Writes the text; where the file has a place marked for it, only there.</summary>
    /// <param name="file">The file; made when it is not there.</param>
    /// <param name="mark">The place's name: from <c>&lt;!-- mark: begin --&gt;</c> to <c>&lt;!-- mark: end --&gt;</c>.</param>
    /// <param name="text">Whole lines.</param>
    public static async Task WriteAsync(string file, string mark, string text)
    {
        var (begin, end) = ($"<!-- {mark}: begin -->\n", $"<!-- {mark}: end -->");
        var old = File.Exists(file) ? await File.ReadAllTextAsync(file) : "";
        var from = old.IndexOf(begin, StringComparison.Ordinal);
        var to = old.IndexOf(end, StringComparison.Ordinal);
        await File.WriteAllTextAsync(file, from >= 0 && to > from ? old[..(from + begin.Length)] + text + old[to..] : text);
    }
}
