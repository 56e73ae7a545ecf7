using System.Management.Automation;

namespace PgCluster.Cmdlets;

/// <summary>Names with wildcards, as the user gave them.</summary>
internal static class NamePattern
{
    /// <summary>
    /// Those of <paramref name="items"/> that any of <paramref name="names"/> matches, each once, in the order of the items; and the names
    /// without wildcard that matched nothing, which is an error where an empty wildcard is not.
    /// </summary>
    public static (List<T> Found, List<string> Missing) Select<T>(IReadOnlyList<T> items, string[]? names, Func<T, string> nameOf)
    {
        if (names is null or [])
        {
            return ([.. items], []);
        }

        var patterns = names.Select(n => new WildcardPattern(n, WildcardOptions.IgnoreCase | WildcardOptions.CultureInvariant)).ToArray();
        var missing = names.Where((name, i) =>
            !WildcardPattern.ContainsWildcardCharacters(name) && !items.Any(item => patterns[i].IsMatch(nameOf(item))));
        return ([.. items.Where(item => patterns.Any(p => p.IsMatch(nameOf(item))))], [.. missing.Distinct(StringComparer.OrdinalIgnoreCase)]);
    }
}
