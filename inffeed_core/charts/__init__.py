"""From records to Plotly figures. Knows no Streamlit."""
