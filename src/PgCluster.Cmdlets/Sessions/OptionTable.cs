using System.Collections;
using System.Globalization;
using System.Management.Automation;

namespace PgCluster.Cmdlets;

/// <summary>Options as a hashtable gives them: path = value.</summary>
internal static class OptionTable
{
    /// <summary>As the client takes them: text, independent of the culture; arrays joined by commas.</summary>
    public static Dictionary<string, string> Read(IDictionary? options)
    {
        var read = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry entry in options ?? new Hashtable())
        {
            read[Text(entry.Key)] = Text(entry.Value);
        }

        return read;
    }

    private static string Text(object? value) => (value is PSObject wrapped ? wrapped.BaseObject : value) switch
    {
        null => "",
        string text => text,
        bool flag => flag ? "true" : "false",
        TimeSpan time => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0}ms"),
        IEnumerable many => string.Join(',', many.Cast<object?>().Select(Text)),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        var other => other.ToString() ?? "",
    };
}
