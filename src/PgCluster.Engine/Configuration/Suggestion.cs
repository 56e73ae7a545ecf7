namespace PgCluster.Engine.Configuration;

/// <summary>Finds what somebody most likely meant to write.</summary>
static class Suggestion
{
    /// <summary>The nearest of these names; null when none is near.</summary>
    public static string? For(string written, IEnumerable<string> names)
    {
        var plain = Plain(written);
        var allowed = Math.Max(1, plain.Length / 3);
        return names
            .Select(name => (Name: name, Distance: Distance(plain, Plain(name))))
            .Where(candidate => candidate.Distance <= allowed)
            .OrderBy(candidate => candidate.Distance)
            .Select(candidate => candidate.Name)
            .FirstOrDefault();
    }

    /// <summary>The option of another table that is called so; null when there is none.</summary>
    public static ConfigOption? Option(string key) => ConfigSchema.Options.FirstOrDefault(option => Plain(option.Name) == Plain(key));

    static string Plain(string name) => name.Replace('-', '_').ToUpperInvariant();

    /// <summary>Characters to insert, delete, replace or swap with their neighbour.</summary>
    static int Distance(string from, string to)
    {
        var costs = new int[from.Length + 1, to.Length + 1];
        for (var i = 0; i <= from.Length; i++)
        {
            for (var j = 0; j <= to.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    costs[i, j] = i + j;
                    continue;
                }

                var same = from[i - 1] == to[j - 1];
                costs[i, j] = Math.Min(
                    Math.Min(costs[i - 1, j], costs[i, j - 1]) + 1,
                    costs[i - 1, j - 1] + (same ? 0 : 1));
                if (!same && i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                {
                    costs[i, j] = Math.Min(costs[i, j], costs[i - 2, j - 2] + 1);
                }
            }
        }

        return costs[from.Length, to.Length];
    }
}
